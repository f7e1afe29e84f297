"""The gold set is frozen: evaluate, gate, release and approval refuse while a byte or a row of it is changed."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from luthier.domain.releases import GateDecision
from luthier.domain.snapshots import GoldSet
from luthier.errors import Tampered
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.data import gold_set, rows_of
from luthier.lifecycle.links.evaluation import settle_report
from luthier.lifecycle.links.release import settle_gate, settle_release
from luthier.lifecycle.workspace import Workspace
from tests.flow.lifecycle.play import APPROVER, Project
from tests.flow.lifecycle.stages import READS

At = Callable[[str], Project]
Undo = Callable[[], None]
NAMED = "SELECT max(seq) FROM links WHERE link = 'data' AND name = 'gold'"


def artifact(project: Project, digest: str) -> Path:
    return project.home / "artifacts" / digest[:2] / digest[2:]


def flip_a_byte(project: Project) -> Undo:
    with project.opened() as work:
        file = artifact(project, work.require("data", "gold"))
    before = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(before[:-9] + bytes([before[-9] ^ 1]) + before[-8:])
    return lambda: restore(file, before)


def remove_it(project: Project) -> Undo:
    with project.opened() as work:
        file = artifact(project, work.require("data", "gold"))
    before = file.read_bytes()
    file.unlink()
    return lambda: restore(file, before)


def name_another_gold_set(project: Project) -> Undo:
    """A gold set of the same shape with one row less, kept properly and named in the database."""
    with project.opened() as work:
        gold = gold_set(work)
        smaller = work.keep(GoldSet(examples=gold.examples[1:]), kind="gold")
    return swap(project, smaller)


def name_something_else(project: Project) -> Undo:
    with project.opened() as work:
        card = work.require("data", "card")
    return swap(project, card)


def swap(project: Project, digest: str) -> Undo:
    def to(other: str) -> str:
        with sqlite3.connect(project.home / "luthier.db") as database:
            (before,) = database.execute(f"SELECT digest FROM links WHERE seq = ({NAMED})").fetchone()
            database.execute(f"UPDATE links SET digest = ? WHERE seq = ({NAMED})", (other,))
        database.close()
        return str(before)

    before = to(digest)

    def undo() -> None:
        to(before)

    return undo


def restore(file: Path, data: bytes) -> None:
    file.write_bytes(data)


CHANGES = {each.__name__: each for each in (flip_a_byte, remove_it, name_another_gold_set, name_something_else)}


def evaluate(work: Workspace, variants: Variants) -> None:
    settle_report(work, variants, variants.of("prompt"), work.config.evaluation.benchmarks[0])


def gate(work: Workspace, variants: Variants) -> None:
    decided = work.fetch(settle_gate(work, variants, variants.of("prompt")).digest, GateDecision)
    if not decided.lets_through:
        raise Tampered("; ".join(decided.verdict.reasons))


def release(work: Workspace, variants: Variants) -> None:
    settle_release(work, variants.of("prompt"))


LINKS = {"evaluate": evaluate, "gate": gate, "release": release}


@pytest.fixture
def project(project_at: At) -> Project:
    return project_at("unapproved")


@pytest.mark.parametrize("change", CHANGES)
def test_each_link_and_the_approver_are_refused_while_gold_is_changed_and_pass_when_it_is_restored(
    project: Project, change: str
) -> None:
    def tried(name: str) -> str | None:
        with project.opened() as work:
            try:
                LINKS[name](work, Variants(work, lambda: rows_of(work, "train")))
            except Tampered as fault:
                return fault.message
        return None

    assert [tried(name) for name in LINKS] == [None, None, None]
    releases = project.answered("release", "list")
    undo = CHANGES[change](project)
    for name in LINKS:
        told = tried(name)
        assert told is not None, name
        assert told, name
    approved = project.luthier("release", "approve", "crm-small-1", "--reason", READS, by=APPROVER)
    assert approved.code == 3, approved.err
    assert approved.error
    evaluated = project.luthier("evaluate", "run", "prompt")
    assert (evaluated.code, bool(evaluated.error)) == (3, True)
    assert project.answered("release", "list") == releases
    undo()
    assert [tried(name) for name in LINKS] == [None, None, None]
    assert project.luthier("release", "approve", "crm-small-1", "--reason", READS, by=APPROVER).code == 0
