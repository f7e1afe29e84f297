"""What an answer took."""

from luthier.evaluate.metrics.metric import Attempt, mean

UNBOUNDED = None


@mean("latency_seconds", wants_high=False, bounds=UNBOUNDED, applies_to="answers that an engine timed")
def latency_seconds(row: Attempt) -> float | None:
    """Seconds until the answer was there, failed ones included: waiting for nothing is waiting too."""
    return row.reply.latency_seconds if row.reply is not None else None


@mean("cost", wants_high=False, bounds=UNBOUNDED, applies_to="answers that an engine charged for")
def cost(row: Attempt) -> float | None:
    """What the engine charged for the answer, in the currency of its price; machine time is in `luthier costs`."""
    return float(row.reply.cost.amount) if row.reply is not None else None


@mean("answer_tokens", wants_high=False, bounds=UNBOUNDED, applies_to="answers whose tokens were counted")
def answer_tokens(row: Attempt) -> float | None:
    """Tokens of the answer, as the engine counted them."""
    return float(row.reply.completion_tokens) if row.reply is not None else None
