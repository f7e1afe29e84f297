"""What interactions and feedback say of one arm, as counts."""

from collections.abc import Mapping, Sequence

from luthier.domain.interactions import Arm, Feedback, Interaction
from luthier.rollout.types import Tallies, Tally


def tally(interactions: Sequence[Interaction], feedback: Mapping[str, Feedback], arm: Arm) -> Tallies:
    """Counts of one arm by metric: errors, each guard's failures, and the feedback of people and systems.

    A guard `valid_call` gives the share `invalid_call`. `solved` counts only interactions that were judged:
    silence is no opinion.
    """
    chosen = [item for item in interactions if item.arm == arm]
    counts = {"error_rate": Tally(hits=sum(item.error is not None for item in chosen), n=len(chosen))}
    guarded = [item for item in chosen if "valid_call" in item.guards]
    if guarded:
        invalid = sum(not item.guards["valid_call"] for item in guarded)
        counts["invalid_call"] = Tally(hits=invalid, n=len(guarded))
    judged = [feedback[item.id] for item in chosen if item.id in feedback and feedback[item.id].kind == "solved"]
    counts["solved"] = Tally(hits=sum(bool(said.value) for said in judged), n=len(judged))
    return counts
