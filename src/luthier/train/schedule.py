"""How large each step is, and how many steps fit into the time."""

import math

from luthier.train.config import Scheduler

PACE_IS_KNOWN_FROM = 0.1
"""Share of the time for steps after which the pace so far is trusted; first steps are slower than the rest."""


def rate_share(step: int, steps: int, *, warmup_share: float, scheduler: Scheduler) -> float:
    """The step size of step 1..steps as a share of its peak, above 0 up to the last step."""
    warmup = round(steps * warmup_share)
    if step <= warmup:
        return step / warmup
    behind = min(1.0, (step - warmup - 1) / (steps - warmup))
    if scheduler == "cosine":
        return (1 + math.cos(math.pi * behind)) / 2
    return 1 - behind if scheduler == "linear" else 1.0


def steps_that_fit(
    planned: int, *, done: int, seconds: float, first_step_at: float, limit_seconds: float | None
) -> int:
    """How many steps of `planned` the time limit leaves at the pace of the steps done, never fewer than those.

    What was spent before the first step began, at second `first_step_at`, is no part of the pace.
    """
    if limit_seconds is None or done == 0:
        return planned
    stepping = seconds - first_step_at
    if stepping < (limit_seconds - first_step_at) * PACE_IS_KNOWN_FROM:
        return planned
    left = (limit_seconds - seconds) * done / stepping if stepping else 0.0
    return max(done, min(planned, done + int(left)))
