"""What the gate looks at, and the events, state and commands of an approval."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_serializer

from luthier.domain.judged import Judged
from luthier.domain.releases import Approval, Release
from luthier.domain.reports import Comparison, Report
from luthier.domain.value import Value
from luthier.domain.variants import Variant
from luthier.domain.verdicts import Verdict

GOLD = "gold"


class Evidence(Value):
    """All that is known of a variant when somebody wants to release it."""

    variant: Variant
    reports: tuple[Report, ...] = Field(description="One per benchmark; the first is the one that is compared.")
    comparison: Comparison | None = Field(default=None, description="None: nothing was compared yet.")
    best_baseline: str | None = Field(default=None, description="The baseline with the best primary metric.")
    intact: Mapping[str, bool] = Field(
        description="`gold`, `snapshot`, `base_weights` -> whether the bytes are the same."
    )
    forgetting: Verdict | None = Field(default=None, description="None: the project does not ask.")
    memorisation: Verdict | None = Field(default=None, description="None: no canaries are planted.")
    judges: tuple[Judged, ...] = Field(default=(), description="Judges with a line to keep, licensed or not.")
    warnings: tuple[str, ...] = Field(default=(), description="What an approver should know and no check enforces.")
    first_release: bool = Field(default=False, description="Nothing was released before: the one to fall back to.")


class Actor(Value):
    """Who acts, as the credential says: never as the request says."""

    name: str = Field(min_length=1)
    roles: frozenset[str] = frozenset()

    @field_serializer("roles")
    def _roles_in_order(self, roles: frozenset[str]) -> list[str]:
        return sorted(roles)  # a set has no order, and a digest needs one

    def holds(self, seat: str) -> bool:
        """Whether this person has that name or role."""
        return seat == self.name or seat in self.roles


class Proposed(Value):
    """A release that its gate let through asks for approval of these names or roles, whatever the file says later."""

    kind: Literal["proposed"] = "proposed"
    release: Release
    approvers: tuple[str, ...] = Field(min_length=1)


class Approved(Value):
    """A person says yes."""

    kind: Literal["approved"] = "approved"
    by: Actor
    reason: str = Field(min_length=1)


class Rejected(Value):
    """A person says no."""

    kind: Literal["rejected"] = "rejected"
    by: Actor
    reason: str = Field(min_length=1)


class Revoked(Value):
    """A person takes their own yes back."""

    kind: Literal["revoked"] = "revoked"
    by: Actor
    reason: str = Field(min_length=1)


Event = Annotated[Proposed | Approved | Rejected | Revoked, Field(discriminator="kind")]
Status = Literal["none", "waiting", "approved", "rejected"]


class ApprovalState(Value):
    """Where the approval of one release stands; a seat is a name or role that must approve."""

    status: Status = "none"
    release_id: str = ""
    author: str = ""
    seats: tuple[str, ...] = ()
    filled: Mapping[str, Approval] = Field(default_factory=dict, description="Seat -> the approval that fills it.")
    rejection: Approval | None = None

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """The seats nobody has filled yet."""
        return tuple(seat for seat in self.seats if seat not in self.filled)


class AskFor(Value):
    """These names or roles must be asked to approve."""

    kind: Literal["ask_for"] = "ask_for"
    release_id: str
    seats: tuple[str, ...]


class Clear(Value):
    """The release may go out."""

    kind: Literal["clear"] = "clear"
    release_id: str


class Withhold(Value):
    """The release may not go out, or no longer."""

    kind: Literal["withhold"] = "withhold"
    release_id: str
    reason: str


Command = AskFor | Clear | Withhold
