"""What people took back: the withdrawals as events, of which only salted keys are kept."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from luthier.domain.value import Value
from luthier.domain.withdrawals import Erased, Holdings
from luthier.errors import Busy
from luthier.lifecycle.workspace import Workspace
from luthier.store import Event as StoredEvent

STREAM = "withdrawals"
ERASE = "data.erase"
"""The audit log's word for artifacts that were replaced or removed."""
_ATTEMPTS = 5


class Asked(Value):
    """Somebody with the right to do so had a person's rows withdrawn."""

    kind: Literal["asked"] = "asked"
    id: str
    keys: tuple[str, ...] = Field(min_length=1, description="Salted keys of the subject or row id.")
    by: str
    reason: str = Field(description="Why, with personal data masked.")


class Found(Value):
    """What was found of the person before anything was erased."""

    kind: Literal["found"] = "found"
    id: str
    holdings: Holdings


class Completed(Value):
    """Everything found is erased; whoever withdraws again adds another of these."""

    kind: Literal["completed"] = "completed"
    id: str
    erased: Erased


Event: TypeAlias = Annotated[Asked | Found | Completed, Field(discriminator="kind")]
_events: TypeAdapter[Event] = TypeAdapter(Event)


class Withdrawal(Value):
    """One withdrawal, replayed from its events."""

    asked: Asked
    found: Holdings | None = None
    erased: Erased | None = None

    @property
    def gold_rows(self) -> int:
        """How many rows the gold set lost."""
        return max((each.rows.get("test", 0) for each in self.found.snapshots), default=0) if self.found else 0


def withdrawals(work: Workspace) -> dict[str, Withdrawal]:
    """Every withdrawal by its id, oldest first."""
    kept: dict[str, Withdrawal] = {}
    for stored in work.store.events.read(STREAM):
        match _events.validate_python(stored.payload):
            case Asked() as asked:
                kept[asked.id] = Withdrawal(asked=asked)
            case Found() as found:
                kept[found.id] = kept[found.id].model_copy(update={"found": found.holdings})
            case Completed() as done:
                before = kept[done.id].erased or Erased()
                kept[done.id] = kept[done.id].model_copy(update={"erased": before.plus(done.erased)})
    return kept


def withdrawn_keys(work: Workspace) -> frozenset[str]:
    """The keys of every row and subject that must not be used any more."""
    return frozenset(key for each in withdrawals(work).values() for key in each.asked.keys)


def withdrawn_gold_rows(work: Workspace) -> int:
    """How many rows the frozen gold set has lost to withdrawals."""
    return sum(each.gold_rows for each in withdrawals(work).values())


def erasures_nobody_asked_for(work: Workspace) -> list[str]:
    """Digests recorded as erased that no entry of the audit log names: a changed byte cannot be called an erasure."""
    named: set[tuple[str, str | None]] = set()
    for entry in work.store.audit.entries():
        erased = entry.detail.get("erased") if entry.action == ERASE else None
        if isinstance(erased, dict):
            named |= {(digest, str(left) if left is not None else None) for digest, left in erased.items()}
    return [each.digest for each in work.store.artifacts.erasures() if (each.digest, each.replacement) not in named]


def record(work: Workspace, event: Asked | Found | Completed) -> StoredEvent:
    """The event, durable; Busy where others keep withdrawing at the same moment."""
    for _ in range(_ATTEMPTS):
        seen = len(work.store.events.read(STREAM))
        try:
            return work.store.events.append(STREAM, seen, event.kind, event.model_dump(mode="json"), work.clock())
        except Busy:  # another event came first, and the order of two withdrawals does not matter
            continue
    raise Busy("withdrawals are being written by others", hint="try again in a moment")
