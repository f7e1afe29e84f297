"""Who is answered by which release: a route table, and a sticky, monotone assignment of users."""

import hashlib
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from luthier.domain.interactions import Arm
from luthier.domain.value import Value
from luthier.domain.variants import Variant

SwitchState = Literal["normal", "killed"]
BUCKETS = 10_000


class Route(Value):
    """One release as the gateway serves it; `model` is the name its back end knows."""

    release_id: str
    variant: Variant
    model: str = Field(description="Model name at the back end: the base, or an adapter.")


class RouteTable(Value):
    """The whole of what a gateway needs to know; a change is a new version."""

    version: int = Field(ge=0)
    stable: Route
    canary: Route | None = None
    canary_percent: float = Field(default=0.0, ge=0, le=100)
    fallback: Route | None = Field(
        default=None, description="Baseline prompting: what answers when a back end is dead."
    )
    switch: SwitchState = "normal"
    salt: str = Field(description="Makes the split of users independent of every other rollout's.")
    backends: Mapping[str, str] = Field(default_factory=dict, description="Engine name -> base URL of its back end.")

    def route_for(self, user_key: str) -> tuple[Arm, Route]:
        """The arm and the route of a user; a killed table sends everybody to the fallback."""
        if self.switch == "killed":
            return "fallback", self.fallback or self.stable
        if self.canary is not None and bucket_of(user_key, self.salt) < self.canary_percent / 100 * BUCKETS:
            return "canary", self.canary
        return "stable", self.stable


def bucket_of(user_key: str, salt: str) -> int:
    """A user's place in [0, 10000), fixed for one salt: raising a share moves nobody out of it."""
    digest = hashlib.sha256(f"{salt}\x00{user_key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * BUCKETS >> 64
