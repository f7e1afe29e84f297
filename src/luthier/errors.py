"""The one error tree: every fault a person can meet says what, where, and what to try."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches


class LuthierError(Exception):
    """A fault with a stable code, one sentence, and one thing to try."""

    code = "internal"
    http_status = 500
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UserError(LuthierError):
    """The request can never succeed as written."""

    code = "invalid"
    http_status = 422
    exit_code = 2


class UnknownName(UserError):
    """A config or request names something that was never registered."""

    code = "unknown_name"

    def __init__(self, kind: str, name: str, known: Collection[str]) -> None:
        near = get_close_matches(name, list(known), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {sorted(known)}"
        super().__init__(f"no {kind} is named {name!r}", hint=hint)
        self.kind, self.name = kind, name


class Faults(UserError):
    """Everything that is wrong with one input, told at once."""

    code = "faults"

    def __init__(self, what: str, faults: Sequence[str], *, hint: str = "") -> None:
        listed = "".join(f"\n  {fault}" for fault in faults)
        super().__init__(f"{what} has {len(faults)} fault{'s' if len(faults) != 1 else ''}:{listed}", hint=hint)
        self.faults = tuple(faults)


class MissingInput(UserError):
    """A file, folder or address that was named is not there or cannot be read."""

    code = "missing_input"


class EmptySample(UserError):
    """A figure was asked of zero examples."""

    code = "empty_sample"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was asked of zero examples", hint="check the data set or the filter before it")


class Unauthenticated(UserError):
    """No valid credential came with the request."""

    code = "unauthenticated"
    http_status = 401


class Forbidden(UserError):
    """The credential is valid and its holder may not do this."""

    code = "forbidden"
    http_status = 403


class NotFound(UserError):
    """Nothing is kept under that name or id."""

    code = "not_found"
    http_status = 404


class Busy(UserError):
    """Somebody else holds the lease; nothing was changed."""

    code = "busy"
    http_status = 409


class Refused(LuthierError):
    """A gate or an earlier link of the chain says no; nothing was changed."""

    code = "refused"
    http_status = 409
    exit_code = 3


class Tampered(Refused):
    """Bytes or rows that must never change have changed."""

    code = "tampered"


class Erased(Refused):
    """What is asked for was erased because a person withdrew their consent."""

    code = "erased"


class NotEnoughEvidence(LuthierError):
    """The data seen cannot decide; the reason says how much would."""

    code = "not_enough_evidence"
    http_status = 409
    exit_code = 4


class WaitingForPerson(Refused):
    """The chain stops here until the named person acts."""

    code = "waiting"


class EngineFault(LuthierError):
    """An engine did not answer as asked, after the retries it was allowed."""

    code = "engine_fault"
    http_status = 502
    exit_code = 2


class ClusterFault(LuthierError):
    """The Ray cluster that a setting asks for cannot be joined or started, or was lost."""

    code = "cluster_fault"
    http_status = 502
    exit_code = 2


class StorageFault(LuthierError):
    """The disk or database refused a write; what was acknowledged before is intact."""

    code = "storage_fault"
    http_status = 507
    exit_code = 2
