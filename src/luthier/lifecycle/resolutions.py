"""What people decided about contradictions, as events, and the contradictions that still wait."""

from collections.abc import Sequence

from luthier.data.resolving import OPEN_CONTRADICTIONS, Keep, OpenContradiction, Resolution, latest
from luthier.domain.value import Json
from luthier.errors import Busy, Forbidden, NotFound, UserError
from luthier.lifecycle.workspace import Workspace
from luthier.store import Principal
from luthier.text.pii import take_out

STREAM = "contradictions"
MAY_RESOLVE = frozenset({"steward", "admin", "engineer", "reviewer"})
_MIN_REASON = 10
_ATTEMPTS = 5


def resolutions(work: Workspace) -> tuple[Resolution, ...]:
    """Every decision that stands, of each pair the last."""
    events = work.store.events.read(STREAM)
    return tuple(latest([Resolution.model_validate(event.payload) for event in events]))


def open_contradictions(work: Workspace) -> list[OpenContradiction]:
    """The contradictions that the last build refused and nobody has decided since, in the order of the rows."""
    lists = sorted((work.home / "work" / "data").glob(f"*/{OPEN_CONTRADICTIONS}"))
    decided = {each.pair for each in resolutions(work)}
    lines = [line for each in lists for line in each.read_text(encoding="utf-8").splitlines()]
    found = [OpenContradiction.model_validate_json(line) for line in lines]
    return [each for each in found if frozenset(each.digests) not in decided]


def resolve(
    work: Workspace, pairs: Sequence[OpenContradiction], *, keep: Keep, by: Principal, reason: str
) -> tuple[Resolution, ...]:
    """The decisions, durable and in the audit log; the next build follows them.

    Raises:
        Forbidden: The role of `by` may not.
        UserError: The reason is too short to be one.

    """
    if not by.roles & MAY_RESOLVE:
        raise Forbidden(
            f"{by.name!r} may not decide contradictions", hint=f"the roles that may: {', '.join(sorted(MAY_RESOLVE))}"
        )
    masked = take_out(reason.strip(), "mask", "").text
    if len(masked) < _MIN_REASON:
        raise UserError(f"a decision needs a reason of {_MIN_REASON} characters or more", hint="say why with --reason")
    made = tuple(
        Resolution(first=pair.digests[0], second=pair.digests[1], keep=keep, by=by.name, reason=masked)
        for pair in pairs
    )
    for each in made:
        _append(work, each)
        detail: dict[str, Json] = {"keep": keep, "reason": masked, "pair": [each.first, each.second]}
        work.store.audit.append(by.name, "data.resolve", each.first, detail, now=work.clock())
    return made


def named(waiting: Sequence[OpenContradiction], first: str, second: str) -> OpenContradiction:
    """The open contradiction of two rows, as `first` and `second` name them.

    Raises:
        NotFound: The last build found none between them.

    """
    for each in waiting:
        if (each.first, each.second) == (first, second):
            return each
        if (each.second, each.first) == (first, second):
            return each.model_copy(
                update={"first": first, "second": second, "digests": each.digests[::-1],
                        "asked": each.asked[::-1], "answered": each.answered[::-1]}
            )  # fmt: skip
    raise NotFound(
        f"no contradiction between {first!r} and {second!r} waits for a decision",
        hint="list them with `luthier data contradictions`",
    )


def _append(work: Workspace, made: Resolution) -> None:
    for _ in range(_ATTEMPTS):
        seen = len(work.store.events.read(STREAM))
        try:
            work.store.events.append(STREAM, seen, "resolved", made.model_dump(mode="json"), work.clock())
        except Busy:  # somebody else's decision came first; ours follows it
            continue
        return
    raise Busy("contradictions are being decided by others", hint="try again in a moment")
