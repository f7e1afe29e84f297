"""Where a person's rows are: snapshots by their row lists, and the models that learned from them, copy or show them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa

from luthier.data.plan.consent import are_erased
from luthier.data.rows import PREFERENCE
from luthier.domain.examples import Example
from luthier.domain.releases import Release
from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import Bodies, GoldSet
from luthier.domain.withdrawals import AffectedRelease, AffectedRun, Holdings, Role, SnapshotRows, person_key
from luthier.lifecycle.absence import listed_rows
from luthier.lifecycle.links.data import benchmark_rows
from luthier.lifecycle.rollouts import controller
from luthier.lifecycle.salt import project_salt
from luthier.lifecycle.workspace import Workspace


@dataclass(frozen=True)
class Person:
    """The salted keys of one person, and how rows are told to be theirs."""

    keys: frozenset[str]
    salt: str

    def owns(self, row: Example) -> bool:
        """Whether a row that is kept is the person's."""
        return row.subject in self.keys or self.is_named(row.id)

    def is_named(self, row_id: str) -> bool:
        """Whether the keys are those of this very row."""
        names = {row_id, row_id.removesuffix(PREFERENCE)}
        return any(person_key(name, self.salt) in self.keys for name in names)

    def mine(self, batch: pa.RecordBatch) -> list[bool]:
        """Which rows of a batch with `id` and `subject` are the person's."""
        found: list[bool] = are_erased(batch, self.keys, self.salt).to_pylist()
        return found


def person_of(work: Workspace, keys: Collection[str]) -> Person:
    """The person whose keys these are."""
    return Person(frozenset(keys), project_salt(work))


def holdings(work: Workspace, person: Person) -> Holdings:
    """The snapshots that hold rows of the person, and every run and release that rests on them."""
    current = work.latest("data")
    counts = {info.digest: listed_in(work, info.digest, person) for info in work.store.artifacts.find("snapshot")}
    snapshots = tuple(
        SnapshotRows(snapshot=digest, is_current=digest == current, rows=dict(rows))
        for digest, rows in counts.items()
        if rows
    )
    runs = tuple(_runs(work, {each.snapshot: each for each in snapshots}))
    return Holdings(snapshots=snapshots, runs=runs, releases=tuple(_releases(work, person, snapshots, runs)))


def ids_of(work: Workspace, person: Person) -> frozenset[str]:
    """The ids of all rows of the person in any snapshot or benchmark file, erased or not."""
    found: set[str] = set()
    for info in work.store.artifacts.find("snapshot"):
        for batch in listed_rows(work, info.digest):
            found |= {row for row, is_mine in zip(batch["id"].to_pylist(), person.mine(batch), strict=True) if is_mine}
    return frozenset(found | set(_ids_in_benchmarks(work, person)))


def roles(work: Workspace) -> Callable[[str], Role | None]:
    """Whom each release answers as things stand."""
    traffic = controller(work).traffic
    named: dict[str | None, Role] = {traffic.first: "fallback", traffic.canary: "canary", traffic.stable: "stable"}
    known = {release: role for release, role in named.items() if release is not None}
    return known.get


def listed_in(work: Workspace, snapshot: str, person: Person) -> Counter[str]:
    """Rows of the person in a snapshot per split, told from its row list: erased rows are still listed."""
    counts: Counter[str] = Counter()
    for batch in listed_rows(work, snapshot):
        counts.update(batch["split"].filter(pa.array(person.mine(batch))).to_pylist())
    return counts


def _runs(work: Workspace, snapshots: dict[str, SnapshotRows]) -> Iterator[AffectedRun]:
    current = {work.latest("train"), work.latest("train", "control")}
    for info in work.store.artifacts.find("training_run"):
        run = work.fetch(info.digest, TrainingRun)
        held = snapshots.get(run.snapshot)
        rows = held.rows if held else {}
        if rows.get("train") or rows.get("validation"):
            yield AffectedRun(
                run=info.digest,
                adapter=run.adapter,
                snapshot=run.snapshot,
                trained_rows=rows.get("train", 0),
                validation_rows=rows.get("validation", 0),
                is_current=info.digest in current,
            )


def _releases(
    work: Workspace, person: Person, snapshots: Collection[SnapshotRows], runs: Collection[AffectedRun]
) -> Iterator[AffectedRelease]:
    by_adapter = {run.adapter: run for run in runs}
    copied = _copied(work, {each.snapshot: each.rows.get("train", 0) for each in snapshots})
    role = roles(work)
    for row in work.store.releases.all(work.project):
        variant = work.fetch(row.digest, Release).variant
        found = {"release": row.release_id, "variant": variant.name, "serves_as": role(row.release_id)}
        if run := by_adapter.get(variant.adapter or ""):
            rows = run.trained_rows + run.validation_rows
            yield AffectedRelease.model_validate(found | {"why": "adapter", "rows": rows, "run": run.run})
        if variant.model.engine == "nearest" and (rows := copied.get(variant.model.weights or "", 0)):
            yield AffectedRelease.model_validate(found | {"why": "copied_rows", "rows": rows})
        if shown := sum(map(person.owns, variant.shots)):
            yield AffectedRelease.model_validate(found | {"why": "worked_examples", "rows": shown})


def _copied(work: Workspace, trained: dict[str, int]) -> dict[str, int]:
    """Bodies that a nearest-row engine copies answers from -> rows of the person among them."""
    kept = {info.digest: work.fetch(info.digest, Bodies).snapshot for info in work.store.artifacts.find("bodies")}
    return {digest: trained.get(snapshot, 0) for digest, snapshot in kept.items()}


def _ids_in_benchmarks(work: Workspace, person: Person) -> Iterator[str]:
    for benchmark in work.config.evaluation.benchmarks:
        if benchmark.dataset != "gold":
            rows: GoldSet = benchmark_rows(work, benchmark.dataset, withdrawn=True)
            yield from (row.id for row in rows.examples if person.owns(row))
