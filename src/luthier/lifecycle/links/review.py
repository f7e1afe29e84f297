"""Reviews: the event stream, its state, and whether every row of the snapshot has been admitted."""

import random
from collections.abc import Iterator, Sequence

from pydantic import TypeAdapter

from luthier.data.rows import PREFERENCE
from luthier.domain.agreement import krippendorff_alpha
from luthier.domain.digests import digest_of
from luthier.domain.examples import Example
from luthier.domain.preferences import Preference
from luthier.domain.snapshots import Split
from luthier.domain.value import Json, Value
from luthier.errors import Busy, EmptySample, NotEnoughEvidence, Refused, WaitingForPerson
from luthier.lifecycle.rows import preference_rows, rows_of
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.review.agreement import mark_units
from luthier.review.step import admitted, disputed, simulated, standing, start, step
from luthier.review.types import Adjudicated, Mark, Overridden, Queued, ReviewEvent, ReviewState, Submitted

VERSION = 1
STREAM = "review"
ATTEMPTS = 5
_TOLD = 20
_events: TypeAdapter[ReviewEvent] = TypeAdapter(ReviewEvent)


class Admission(Value):
    """Which rows may be trained on, and on whose word."""

    snapshot: str
    admitted: int
    rejected: int
    simulated: int
    agreement: float | None
    rows: str


def settle_review(work: Workspace) -> Settled:
    """The admission of the snapshot's training rows; waits for people while rows are unmarked or disputed."""
    snapshot = work.require("data")
    state, events = _replay(work)
    section: dict[str, Json] = {"config": work.config.review.model_dump(mode="json"), "events": events}
    return work.settle(
        "review",
        version_number=VERSION,
        section=section,
        inputs={"snapshot": snapshot},
        perform=lambda: _perform(work, snapshot, state),
    )


def admitted_rows(work: Workspace, split: Split) -> tuple[Example, ...]:
    """The rows of one split that people let in; Refused while the review is not done."""
    work.require("review")
    state, _ = _replay(work)
    rows = rows_of(work, split)
    return tuple(row for row in rows if _is_let_in(state, row))


def admitted_preferences(work: Workspace, split: Split) -> tuple[Preference, ...]:
    """The preferences of one split that people let in; Refused while the review is not done.

    One that stands beside an ideal answer came with it from one record, and is let in with it.
    """
    work.require("review")
    state, _ = _replay(work)
    beside = {row.id: _is_let_in(state, row) for row in rows_of(work, split)}
    let_in = (row for row in preference_rows(work, split) if beside.get(_of(row)) or _is_let_in(state, row))
    return tuple(Preference.of(row) for row in let_in)


def review_key(row: Example) -> str:
    """What a mark belongs to: this row as it reads now; an edited row is a new one to review."""
    return f"{row.id}#{row.content_digest[:12]}"


def submit(work: Workspace, event: ReviewEvent) -> ReviewState:
    """The state after `event`, which is durable then; Refused where an override names rows that a model wrote."""
    if isinstance(event, Overridden):
        _refuse_synthetic(work, event)
    for _ in range(ATTEMPTS):
        state, events = _replay(work)
        after, _commands = step(state, event, work.clock())
        try:
            work.store.events.append(STREAM, len(events), event.kind, event.model_dump(mode="json"), work.clock())
        except Busy:  # somebody else's event came first: decide anew on top of it
            continue
        return after
    raise Busy("the review is being written by others", hint="try again in a moment")


def queue(work: Workspace, rows: Sequence[str], reason: str) -> int:
    """Put rows before the reviewers; those already there stay as they are. How many were new."""
    state, _ = _replay(work)
    fresh = tuple(row for row in dict.fromkeys(rows) if row not in state.rows)
    if fresh:
        submit(work, Queued(rows=fresh, reason=reason))
    return len(fresh)


def simulate(work: Workspace, *, disputed_share: float, seed: int) -> int:
    """Marks of made-up reviewers on every waiting row, all flagged as simulated; the number of rows marked.

    Each of them rejects a small random share, and a made-up third settles what they dispute. For rehearsals only.
    """
    keys = _keys(work)
    queue(work, keys, "new snapshot")
    draws = random.Random(seed)
    state, _ = _replay(work)
    waiting = [key for key in keys if standing(state, key) == "pending"]
    for number in range(work.config.review.reviewers_required if waiting else 0):
        marks = {key: _mark(draws, disputed_share) for key in waiting}
        submit(work, Submitted(reviewer=f"simulated-{number + 1}", marks=marks, simulated=True))
    for key in disputed(_replay(work)[0]):
        submit(work, Adjudicated(by="simulated-adjudicator", row_id=key, decision="accept", reason="simulated"))
    return len(waiting)


def state_of(work: Workspace) -> ReviewState:
    """The review as it stands."""
    return _replay(work)[0]


def _perform(work: Workspace, snapshot: str, state: ReviewState) -> str:
    keys = _keys(work)
    unsettled = [key for key in keys if key not in state.rows or standing(state, key) in {"pending", "disputed"}]
    if unsettled:
        raise WaitingForPerson(
            f"{len(unsettled)} of {len(keys)} rows wait for {work.config.review.reviewers_required} reviewers",
            hint="review them with `luthier review`, or rehearse with `luthier review simulate`",
        )
    let_in = {review_key(row) for row in rows_to_review(work) if _is_let_in(state, row)}
    admission = Admission(
        snapshot=snapshot,
        admitted=len(let_in),
        rejected=len(keys) - len(let_in),
        simulated=len(simulated(state)),
        agreement=_agreement(state),
        rows=digest_of(sorted(let_in)),
    )
    marked = " by simulated reviewers" if admission.simulated else ""
    work.voice.say(f"{admission.admitted} of {len(keys)} rows admitted{marked}, {admission.rejected} rejected")
    return work.keep(admission, kind="admission", parents=[snapshot])


def _mark(draws: random.Random, disputed_share: float) -> Mark:
    return "reject" if draws.random() < disputed_share / 2 else "accept"


def _is_let_in(state: ReviewState, row: Example) -> bool:
    """Whether a row may be trained on; what a model wrote needs reviewers, and no override lets it in."""
    key = review_key(row)
    return bool(admitted(state, [key])) and not (row.synthetic and standing(state, key) == "overridden")


def _refuse_synthetic(work: Workspace, event: Overridden) -> None:
    named = set(event.rows)
    made_up = [row.id for row in rows_to_review(work) if row.synthetic and review_key(row) in named]
    if made_up:
        told = ", ".join(made_up[:_TOLD]) + (f" and {len(made_up) - _TOLD} more" if len(made_up) > _TOLD else "")
        raise Refused(
            f"{len(made_up)} rows were written by a model and are let in by reviewers alone: {told}",
            hint="leave them out of the override, and have them reviewed",
        )


def rows_to_review(work: Workspace) -> Iterator[Example]:
    """Every row of the snapshot that people look at: answers, and preferences that stand beside none."""
    splits: tuple[Split, ...] = ("train", "validation")
    for split in splits:
        answers: set[str] = set()
        for row in rows_of(work, split):
            answers.add(row.id)
            yield row
        yield from (row for row in preference_rows(work, split) if _of(row) not in answers)


def _of(preference: Example) -> str:
    """The id of the row that a preference came with."""
    return preference.id.removesuffix(PREFERENCE)


def _keys(work: Workspace) -> list[str]:
    return [review_key(row) for row in rows_to_review(work)]


def _replay(work: Workspace) -> tuple[ReviewState, list[Json]]:
    events = work.store.events.read(STREAM)
    state = start(work.config.review)
    for event in events:
        state, _ = step(state, _events.validate_python(event.payload), event.at)
    return state, [event.payload for event in events]


def _agreement(state: ReviewState) -> float | None:
    """Krippendorff's alpha, where the marks allow one."""
    try:
        return krippendorff_alpha(mark_units(state))
    except (EmptySample, NotEnoughEvidence):
        return None
