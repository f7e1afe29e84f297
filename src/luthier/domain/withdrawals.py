"""A person takes their consent back: what was erased, what must be trained again, and that nothing is left."""

import hashlib
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field

from luthier.domain.value import Value

Standing = Literal["erasing", "open", "done"]


def person_key(name: str, salt: str) -> str:
    """Salted digest of a subject or row id, 64 hex digits: all that is kept of a name; the same name gives the same."""
    return hashlib.sha256(f"person\x00{salt}\x00{name.strip()}".encode()).hexdigest()


class SnapshotRows(Value):
    """The person's rows in one snapshot."""

    snapshot: str
    is_current: bool
    rows: Mapping[str, int] = Field(description="Rows per split; those that hold none are absent.")


class AffectedRun(Value):
    """A training run that saw the person's rows; an adapter cannot be erased row by row, only trained again."""

    run: str = Field(description="Digest of the training run.")
    adapter: str
    snapshot: str
    trained_rows: int = Field(description="Rows of the person in the split that the run learned from.")
    validation_rows: int = Field(description="Rows of the person in the split that decided when the run stopped.")
    is_current: bool = Field(description="Whether it is the last run.")


Role = Literal["stable", "canary", "fallback"]


class AffectedRelease(Value):
    """A release that carries something of the person's."""

    release: str
    variant: str
    why: Literal["adapter", "copied_rows", "worked_examples"]
    rows: int = Field(description="Rows of the person that it learned from, copies answers of, or shows.")
    run: str | None = None
    serves_as: Role | None = Field(default=None, description="Whom it answers now; None where it answers nobody.")


class Holdings(Value):
    """Where a person's rows are, and which models learned from them."""

    snapshots: tuple[SnapshotRows, ...]
    runs: tuple[AffectedRun, ...]
    releases: tuple[AffectedRelease, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of the person."""
        return not (self.snapshots or self.runs or self.releases)


class Erased(Value):
    """How many things were erased; a second erasure of the same person finds nothing more and counts 0."""

    parts: int = Field(default=0, description="Parquet parts written anew without the rows, or dropped.")
    rows: int = Field(default=0, description="Rows in those parts, a row counted in every snapshot that held it.")
    gold_rows: int = Field(default=0, description="Rows that the frozen gold sets lost.")
    cases: int = Field(default=0, description="Cases of reports whose texts were blanked.")
    worked_examples: int = Field(default=0, description="Examples taken out of the prompts of releases and routes.")
    dropped_notes: int = Field(default=0, description="Notes on rows that were left out which could quote a row.")
    interactions: int = Field(default=0, description="Interactions whose texts were blanked.")
    review_reasons: int = Field(default=0, description="Texts in which a reviewer wrote about a row.")
    work_files: int = Field(default=0, description="Files of unfinished builds and runs, and report pages.")

    def plus(self, other: Self) -> Self:
        """Both counts added."""
        return type(self).model_validate(
            {name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields}
        )


class RetrainPlan(Value):
    """What is to be done so that no model in use rests on the rows: build, train, release anew."""

    withdrawal: str
    needs_build: bool = Field(description="The current snapshot still counts the rows.")
    runs: tuple[AffectedRun, ...]
    releases: tuple[AffectedRelease, ...]
    steps: tuple[str, ...] = Field(description="What to do, in order; empty where nothing is left to do.")


class Absence(Value):
    """A check over the salted digests of every row that is kept, and what it found."""

    snapshot: str
    keys: tuple[str, ...]
    listed_rows: int = Field(description="Rows of the snapshot's row list that were compared.")
    bodies_read: int = Field(description="Rows read in the parts of every snapshot and in every gold set.")
    found_listed: int
    found_bodies: int
    unfinished: tuple[str, ...] = Field(description="Digests of erased bytes that are still there.")

    @property
    def is_absent(self) -> bool:
        """Whether nothing was found."""
        return not (self.found_listed or self.found_bodies or self.unfinished)


class WithdrawalStatus(Value):
    """One withdrawal as it stands."""

    id: str
    by: str
    reason: str
    standing: Standing
    needs_build: bool = Field(description="Whether the current snapshot still lists the rows.")
    waits_for: tuple[str, ...] = Field(description="What must happen before it is done.")


class WithdrawalReport(Value):
    """All that `luthier data withdraw` tells."""

    withdrawal: str
    holdings: Holdings
    erased: Erased
    plan: RetrainPlan
