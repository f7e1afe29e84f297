"""The same question asked again."""

from itertools import combinations

from luthier.evaluate.metrics.metric import Attempt, mean
from luthier.evaluate.metrics.text import same


@mean("consistency", applies_to="benchmarks with `samples` of 2 or more")
def consistency(row: Attempt) -> float | None:
    """Share of pairs among all answers to the row that say the same, as exact_match compares; no answer equals none.

    At temperature 0 it measures the engine, above it the variant.
    """
    if not row.repeats:
        return None
    answers = (row.answer, *row.repeats)
    pairs = list(combinations(answers, 2))
    return sum(one is not None and other is not None and same(one, other) for one, other in pairs) / len(pairs)
