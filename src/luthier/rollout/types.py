"""Events, state and commands of a rollout; all of them are kept, so every history can be replayed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.rollout.config import RolloutConfig

Status = Literal["idle", "running", "completed", "reverted", "killed"]


class Tally(Value):
    """How often something was so, of how many interactions that could tell."""

    hits: int = Field(ge=0)
    n: int = Field(ge=0)


Tallies = Mapping[str, Tally]


class Adopted(Value):
    """The first release of all answers everybody at once: there is nothing to compare it with."""

    kind: Literal["adopted"] = "adopted"
    release: str


class Started(Value):
    """A release begins its way; `previous` is what a revert goes back to."""

    kind: Literal["started"] = "started"
    release: str
    previous: str
    rules: RolloutConfig = Field(description="As they were then: a later edit of the project file changes no history.")


class Observed(Value):
    """What both arms showed since the stage began."""

    kind: Literal["observed"] = "observed"
    canary: Tallies
    stable: Tallies


class Killed(Value):
    """A person pulled the kill switch."""

    kind: Literal["killed"] = "killed"
    by: str
    reason: str


class Resumed(Value):
    """A person put the kill switch back; the stable release answers again."""

    kind: Literal["resumed"] = "resumed"
    by: str
    reason: str


class RevertAsked(Value):
    """A person asks for the previous release."""

    kind: Literal["revert_asked"] = "revert_asked"
    by: str
    reason: str


Event = Annotated[Adopted | Started | Observed | Killed | Resumed | RevertAsked, Field(discriminator="kind")]


class StageRecord(Value):
    """One stage as it went."""

    percent: float
    entered_at: datetime
    left_at: datetime | None = None
    verdict: Verdict | None = None


class RolloutState(Value):
    """Where the rollout stands; rebuilt from its events after any restart."""

    status: Status = "idle"
    rules: RolloutConfig = RolloutConfig()
    release: str | None = None
    previous: str | None = None
    stage: int = 0
    entered_at: datetime | None = None
    reason: str = ""
    history: tuple[StageRecord, ...] = ()


class SetShare(Value):
    """Give the canary this share of users."""

    kind: Literal["set_share"] = "set_share"
    release: str
    percent: float


class MakeStable(Value):
    """The canary passed its last stage and is the stable release from now on."""

    kind: Literal["make_stable"] = "make_stable"
    release: str


class GoBack(Value):
    """Send everybody to the previous release."""

    kind: Literal["go_back"] = "go_back"
    to: str


class SetSwitch(Value):
    """Turn the kill switch."""

    kind: Literal["set_switch"] = "set_switch"
    killed: bool


class Alert(Value):
    """Tell the team."""

    kind: Literal["alert"] = "alert"
    summary: str


Command = SetShare | MakeStable | GoBack | SetSwitch | Alert
