"""A person's rows out of every artifact; each deed may be repeated and ends in the same state."""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from luthier.data.plan.parts import ROWS_AT_ONCE
from luthier.domain.releases import Release
from luthier.domain.reports import Case, Report, row_of
from luthier.domain.snapshots import Bodies, GoldSet, Part
from luthier.domain.value import Json, Value
from luthier.errors import Erased
from luthier.lifecycle.holdings import Person
from luthier.lifecycle.withdrawn import ERASE
from luthier.lifecycle.workspace import Workspace
from luthier.monitor.stage import Health
from luthier.store import ArtifactInfo

V = TypeVar("V", bound=Value)
PARQUET = "application/vnd.apache.parquet"
BLANK = ""
_MANY = 10_000
Replaced = Mapping[str, str | None]


@dataclass(frozen=True)
class Eraser:
    """One person, the ids of their rows and of what they were served, and under which withdrawal all of it goes."""

    work: Workspace
    person: Person
    ids: frozenset[str]
    served: frozenset[str]
    withdrawal: str
    by: str
    counts: Counter[str] = field(default_factory=Counter)

    def erase_artifacts(self) -> None:
        """Once this returns no artifact holds the rows, and the links of the chain name what stands in their place."""
        self._replace(self._bodies())
        self._replace(self._values("gold", GoldSet, self._gold))
        self._replace(self._values("report", Report, self._report))
        self._replace(self._values("release", Release, self.without_examples))
        self._replace(self._values("health", Health, self._health))
        self._replace(self._dropped())
        self.work.store.artifacts.erase({}, withdrawal=self.withdrawal, now=self.work.clock())  # of a killed process
        self._follow()

    def without_examples(self, made: Release) -> Release:
        """The release whose prompt shows the rows no more; its gate's own artifact still names what was measured."""
        shots = tuple(shot for shot in made.variant.shots if not self.person.owns(shot))
        if shots == made.variant.shots:
            return made
        variant = made.variant.model_copy(update={"shots": shots})
        self.counts["worked_examples"] += len(made.variant.shots) - len(shots)
        gate = made.gate.model_copy(update={"variant_digest": variant.digest})
        return made.model_copy(update={"variant": variant, "gate": gate})

    def is_known(self, row: str) -> bool:
        """Whether an id is that of one of the rows."""
        return row in self.ids or self.person.is_named(row)

    def _bodies(self) -> Replaced:
        """Parts without the rows, and the lists that name them."""
        replaced: dict[str, str | None] = {}
        made: dict[str, tuple[str | None, int]] = {}
        for info in self._standing("bodies"):
            bodies = self.work.fetch(info.digest, Bodies)
            for part in bodies.parts:
                if part.file_digest not in made:
                    made[part.file_digest] = self._part(part, bodies.snapshot)
            left = tuple(_now(part, *made[part.file_digest]) for part in bodies.parts if made[part.file_digest][0])
            if left != bodies.parts:
                parents = [bodies.snapshot, *(part.file_digest for part in left)]
                fresh = bodies.model_copy(update={"parts": left})
                replaced[info.digest] = self.work.keep(fresh, kind="bodies", parents=parents)
        changed = {digest: left for digest, (left, _) in made.items() if left != digest}
        self.counts["parts"] += len(changed)
        return replaced | changed

    def _part(self, part: Part, snapshot: str) -> tuple[str | None, int]:
        """The digest and the rows of the part without the person's; None where they were all of it."""
        table = pq.read_table(io.BytesIO(self.work.store.artifacts.get_bytes(part.file_digest)))
        mine = [is_mine for batch in table.to_batches() for is_mine in self.person.mine(batch)]
        self.counts["rows"] += sum(mine)
        if not any(mine):
            return part.file_digest, part.rows
        left = table.filter(pa.array([not is_mine for is_mine in mine]))
        return (self._put(left, "rows", snapshot) if left.num_rows else None), left.num_rows

    def _gold(self, gold: GoldSet) -> GoldSet | None:
        left = tuple(row for row in gold.examples if not self.person.owns(row))
        self.counts["gold_rows"] += len(gold.examples) - len(left)
        return gold.model_copy(update={"examples": left}) if left else None

    def _report(self, report: Report) -> Report:
        """The report whose figures stay and whose cases say nothing of the rows any more."""
        cases = tuple(_blank(case) if self.is_known(row_of(case.example_id)) else case for case in report.cases)
        self.counts["cases"] += sum(one != other for one, other in zip(cases, report.cases, strict=True))
        return report.model_copy(update={"cases": cases})

    def _health(self, health: Health) -> Health:
        failed = tuple(
            case.model_copy(update={"asked": BLANK, "answered": None}) if case.interaction_id in self.served else case
            for case in health.failed
        )
        return health.model_copy(update={"failed": failed})

    def _dropped(self) -> Replaced:
        """Lists of rows that were left out, without the notes that may quote the person's."""
        replaced: dict[str, str | None] = {}
        for info in self._standing("dropped_rows"):
            table = pq.read_table(io.BytesIO(self.work.store.artifacts.get_bytes(info.digest)))
            notes = table["detail"].to_pylist()
            told = zip(table["id"].to_pylist(), notes, strict=True)
            left = [BLANK if self._may_quote(row, note) else note for row, note in told]
            if left != notes:
                self.counts["dropped_notes"] += sum(one != other for one, other in zip(left, notes, strict=True))
                place = table.schema.get_field_index("detail")
                fresh = table.set_column(place, table.schema.field(place), pa.array(left, pa.string()))
                replaced[info.digest] = self._put(
                    fresh, "dropped_rows", *self.work.store.artifacts.parents(info.digest)
                )
        return replaced

    def _may_quote(self, row: str, note: str) -> bool:
        if len(self.ids) > _MANY:  # looking for each id in each note would take rows times rows
            return bool(note)
        return self.is_known(row) or any(row_id in note for row_id in self.ids)

    def _put(self, table: pa.Table, kind: str, *parents: str) -> str:
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", row_group_size=ROWS_AT_ONCE)
        data, now = sink.getvalue(), self.work.clock()
        return self.work.store.artifacts.put_bytes(data, kind=kind, media_type=PARQUET, parents=parents, now=now)

    def _values(self, kind: str, of: type[V], change: Callable[[V], V | None]) -> Replaced:
        """What `change` makes of every standing value of a kind, where it makes anything else of it."""
        replaced: dict[str, str | None] = {}
        for info in self._standing(kind):
            value = self.work.fetch(info.digest, of)
            fresh = change(value)
            if fresh is None:
                replaced[info.digest] = None
            elif fresh != value:
                parents = self.work.store.artifacts.parents(info.digest)
                replaced[info.digest] = self.work.keep(fresh, kind=kind, parents=parents)
        return replaced

    def _standing(self, kind: str) -> Iterator[ArtifactInfo]:
        gone = {erasure.digest for erasure in self.work.store.artifacts.erasures()}
        return (info for info in self.work.store.artifacts.find(kind) if info.digest not in gone)

    def _replace(self, replaced: Replaced) -> None:
        """Let it go, after the audit log has named what goes."""
        if replaced:
            detail: dict[str, Json] = {"erased": dict(replaced)}
            self.work.store.audit.append(self.by, ERASE, self.withdrawal, detail, now=self.work.clock())
            self.work.store.artifacts.erase(replaced, withdrawal=self.withdrawal, now=self.work.clock())

    def _follow(self) -> None:
        snapshot = self.work.latest("data")
        for name in ("gold", "rows", "dropped"):
            last = self.work.latest("data", name)
            if snapshot is None or last is None:
                continue
            inputs = {"snapshot": snapshot}
            try:
                stands = self.work.store.artifacts.standing(last)
            except Erased as fault:
                self.work.record(
                    "data", name, fingerprint=snapshot, digest=None, inputs=inputs, state="refused", fault=fault
                )
                continue
            if stands != last:
                self.work.record("data", name, fingerprint=snapshot, digest=stands, inputs=inputs)


def _now(part: Part, digest: str | None, rows: int) -> Part:
    return part.model_copy(update={"file_digest": digest, "rows": rows})


def _blank(case: Case) -> Case:
    answer = case.answer.model_copy(update={"text": None if case.answer.text is None else BLANK})
    return case.model_copy(
        update={
            "asked": BLANK,
            "ideal": BLANK,
            "answer": answer,
            "fault": case.fault and "withdrawn",
            "group": None,
            "repeats": tuple(each and BLANK for each in case.repeats),
        }
    )
