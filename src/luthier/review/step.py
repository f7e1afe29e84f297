"""The review of rows as a pure service: state and event in, state and commands out."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from luthier.errors import NotFound, Refused
from luthier.review.config import ReviewConfig
from luthier.review.types import (
    Adjudicated,
    AskAdjudicator,
    Command,
    Overridden,
    Queued,
    ReviewEvent,
    ReviewState,
    RowMark,
    RowReview,
    Ruling,
    Settle,
    Standing,
    Submitted,
)

Stepped = tuple[ReviewState, tuple[Command, ...]]
_ADMITTED = {"accepted", "overridden"}
_TOLD = 20


def start(config: ReviewConfig, rows: Iterable[str] = ()) -> ReviewState:
    """A review in which nobody has said anything yet."""
    return ReviewState(reviewers_required=config.reviewers_required, rows=dict.fromkeys(rows, RowReview()))


def step(state: ReviewState, event: ReviewEvent, now: datetime) -> Stepped:
    """The state after `event`, and what must happen because of it; a refused event changes nothing.

    Raises:
        Refused: A person would review a row twice, decide their own dispute, or let in what others rejected.
        NotFound: The row to adjudicate was never queued.

    """
    match event:
        case Queued():
            return _queue(state, event), ()
        case Submitted():
            return _submit(state, event, now)
        case Adjudicated():
            return _adjudicate(state, event, now)
        case Overridden():
            return _override(state, event, now)


def standing(state: ReviewState, row_id: str) -> Standing:
    """Where one row stands."""
    review = _row(state, row_id)
    if review.ruling is not None:
        if review.ruling.kind == "overridden":
            return "overridden"
        return "accepted" if review.ruling.decision == "accept" else "rejected"
    if len(review.marks) < state.reviewers_required:
        return "pending"
    marks = {mark.mark for mark in review.marks}
    if len(marks) > 1:
        return "disputed"
    return "accepted" if marks == {"accept"} else "rejected"


def admitted(state: ReviewState, row_ids: Iterable[str]) -> frozenset[str]:
    """Those of `row_ids` that may enter a snapshot; a row never queued may not."""
    return frozenset(row for row in row_ids if row in state.rows and standing(state, row) in _ADMITTED)


def pending(state: ReviewState, reviewer: str | None = None) -> tuple[str, ...]:
    """Rows that lack reviews, in order; with `reviewer`, those that this person may still mark."""
    waiting = (row for row in state.rows if standing(state, row) == "pending")
    return tuple(row for row in waiting if reviewer is None or not _has_marked(state.rows[row], reviewer))


def disputed(state: ReviewState) -> tuple[str, ...]:
    """Rows that wait for a third person, in order."""
    return tuple(row for row in state.rows if standing(state, row) == "disputed")


def simulated(state: ReviewState) -> tuple[str, ...]:
    """Rows with a mark that no person made."""
    return tuple(row for row, review in state.rows.items() if any(mark.simulated for mark in review.marks))


def visible_marks(state: ReviewState, reviewer: str) -> Mapping[str, tuple[RowMark, ...]]:
    """What `reviewer` may see: their own marks, and others' on rows that they can no longer be swayed on."""
    return {
        row: review.marks
        for row, review in state.rows.items()
        if review.marks and (_has_marked(review, reviewer) or standing(state, row) != "pending")
    }


def _queue(state: ReviewState, event: Queued) -> ReviewState:
    """Rows already under review keep what was said about them."""
    return state.model_copy(update={"rows": dict.fromkeys(event.rows, RowReview()) | dict(state.rows)})


def _submit(state: ReviewState, event: Submitted, now: datetime) -> Stepped:
    _refuse_any(f"the review by {event.reviewer!r}", event.marks, lambda row: _why_not_mark(state, event.reviewer, row))
    rows = dict(state.rows)
    for row, mark in event.marks.items():
        made = RowMark(reviewer=event.reviewer, mark=mark, at=now, simulated=event.simulated)
        rows[row] = rows[row].model_copy(update={"marks": (*rows[row].marks, made)})
    after = state.model_copy(update={"rows": rows})
    return after, tuple(command for row in event.marks if (command := _consequence(after, row)))


def _why_not_mark(state: ReviewState, reviewer: str, row: str) -> str | None:
    if row not in state.rows:
        return f"row {row!r} is not under review"
    if _has_marked(state.rows[row], reviewer):
        return f"row {row!r} was already marked by {reviewer!r}, and one person cannot be both reviewers"
    if standing(state, row) != "pending":
        return f"row {row!r} is already {standing(state, row)}"
    return None


def _adjudicate(state: ReviewState, event: Adjudicated, now: datetime) -> Stepped:
    review = _row(state, event.row_id)
    if standing(state, event.row_id) != "disputed":
        raise Refused(f"row {event.row_id!r} is {standing(state, event.row_id)}; only a disputed row is adjudicated")
    if _has_marked(review, event.by):
        raise Refused(f"{event.by!r} reviewed row {event.row_id!r} and cannot settle the dispute about it")
    ruling = Ruling(kind="adjudicated", by=event.by, decision=event.decision, reason=event.reason, at=now)
    return _ruled(state, {event.row_id: ruling})


def _override(state: ReviewState, event: Overridden, now: datetime) -> Stepped:
    _refuse_any(f"the override by {event.by!r}", event.rows, lambda row: _why_not_override(state, row))
    ruling = Ruling(kind="overridden", by=event.by, decision="accept", reason=event.reason, at=now)
    return _ruled(state, dict.fromkeys(event.rows, ruling))


def _why_not_override(state: ReviewState, row: str) -> str | None:
    if row not in state.rows:
        return f"row {row!r} is not under review"
    if standing(state, row) != "pending":
        return f"row {row!r} is {standing(state, row)}; only a row that lacks reviews can be let in"
    if any(mark.mark == "reject" for mark in state.rows[row].marks):
        return f"row {row!r} was rejected by a reviewer"
    return None


def _ruled(state: ReviewState, rulings: Mapping[str, Ruling]) -> Stepped:
    ruled = {row: state.rows[row].model_copy(update={"ruling": ruling}) for row, ruling in rulings.items()}
    after = state.model_copy(update={"rows": dict(state.rows) | ruled})
    return after, tuple(command for row in rulings if (command := _consequence(after, row)))


def _consequence(state: ReviewState, row: str) -> Command | None:
    now_stands = standing(state, row)
    if now_stands == "pending":
        return None
    if now_stands == "disputed":
        return AskAdjudicator(row_id=row, not_by=tuple(mark.reviewer for mark in state.rows[row].marks))
    return Settle(row_id=row, standing=now_stands)


def _refuse_any(what: str, rows: Collection[str], why_not: Callable[[str], str | None]) -> None:
    faults = [fault for row in rows if (fault := why_not(row))]
    if faults:
        told = "; ".join(faults[:_TOLD]) + (f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else "")
        raise Refused(f"{what} cannot be taken: {told}", hint="hand in the other rows alone")


def _row(state: ReviewState, row_id: str) -> RowReview:
    if row_id not in state.rows:
        raise NotFound(f"row {row_id!r} is not under review", hint="queue it first")
    return state.rows[row_id]


def _has_marked(review: RowReview, person: str) -> bool:
    return any(_same_person(mark.reviewer, person) for mark in review.marks)


def _same_person(one: str, other: str) -> bool:
    """Names that differ only in case or spacing are one person."""
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())
