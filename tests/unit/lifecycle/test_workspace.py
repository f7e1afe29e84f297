"""Settling a link: skipped when nothing changed, recorded when it ran, refused with its reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from luthier.domain.value import Value
from luthier.errors import Busy, Refused, Tampered, WaitingForPerson
from luthier.lifecycle.workspace import Workspace

PROJECT = """
project: tiny
charter: {problem: Turn e-mails into calls.}
data: {sources: [{path: rows.jsonl, lawful_basis: contract}]}
variants: {prompt: {model: base, prompt: prompt.md}}
"""


class Figure(Value):
    figure: int


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "luthier.yaml").write_text(PROJECT)
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "prompt.md").write_text("Be brief.")
    with Workspace.open(tmp_path) as opened:
        yield opened


def settle(
    work: Workspace, figure: int, *, section: str = "s", inputs: dict[str, str] | None = None
) -> tuple[str, bool]:
    settled = work.settle(
        "link",
        version_number=1,
        section=section,
        inputs=inputs or {},
        perform=lambda: work.keep(Figure(figure=figure), kind="figure"),
    )
    return settled.digest, settled.is_fresh


def test_a_link_runs_once_while_nothing_changes(work: Workspace) -> None:
    first, fresh = settle(work, 1)
    again, second_fresh = settle(work, 2)
    assert (fresh, second_fresh) == (True, False)
    assert work.fetch(again, Figure).figure == 1
    assert first == again == work.latest("link")


def test_a_changed_section_input_or_force_runs_it_again(work: Workspace) -> None:
    settle(work, 1)
    assert settle(work, 2, section="other")[1]
    assert settle(work, 3, inputs={"gold": "a" * 64})[1]
    forced = Workspace(work.loaded, work.store, work.clock, work.actor, work.environment, force=True)
    assert settle(forced, 4, inputs={"gold": "a" * 64})[1]


def test_a_refusal_is_recorded_with_its_reason_and_leaves_no_result(work: Workspace) -> None:
    def refuse() -> str:
        raise Refused("gold and training overlap")

    with pytest.raises(Refused):
        work.settle("link", version_number=1, section=None, inputs={}, perform=refuse)
    row = work.store.links.latest("tiny", "link")
    assert row is not None
    assert (row.state, row.reason, row.digest) == ("refused", "gold and training overlap", None)
    with pytest.raises(Refused, match="missing: link"):
        work.require("link")


def test_waiting_for_a_person_is_told_apart_from_a_refusal(work: Workspace) -> None:
    def wait() -> str:
        raise WaitingForPerson("3 rows wait for 2 reviewers")

    with pytest.raises(WaitingForPerson):
        work.settle("link", version_number=1, section=None, inputs={}, perform=wait)
    row = work.store.links.latest("tiny", "link")
    assert row is not None
    assert row.state == "waiting"


def test_every_result_is_in_the_audit_log(work: Workspace) -> None:
    settle(work, 1)
    [entry] = work.store.audit.entries()
    assert (entry.action, entry.subject, entry.detail["state"]) == ("link.link", "tiny", "done")
    assert work.store.audit.verify().is_intact


def test_one_flipped_byte_of_a_kept_value_is_refused(work: Workspace) -> None:
    digest, _ = settle(work, 1)
    [file] = [path for path in (work.home / "artifacts").rglob("*") if path.is_file() and digest[8:] in path.name]
    file.chmod(0o600)
    file.write_bytes(b"x" + file.read_bytes()[1:])
    with pytest.raises(Tampered):
        work.fetch(digest, Figure)


def test_a_second_run_at_the_same_time_is_refused_and_the_first_goes_on(work: Workspace) -> None:
    other = Workspace(work.loaded, work.store, work.clock, "somebody-else", work.environment)
    with work.alone(), pytest.raises(Busy, match="held by"), other.alone():
        pytest.fail("two runs at once")
    with other.alone():
        pass
