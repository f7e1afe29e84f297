"""Facts that training targets carry and that belong in retrieval, because they will change."""

from collections import Counter
from collections.abc import Sequence

from luthier.assess.targets import stands_in, values_of
from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.domain.value import Value

RARE_SHARE = 0.01
SHOWN_EXAMPLES = 5


class FactsInTargets(Value):
    """Training rows that teach a value which neither their question nor a common choice explains."""

    share: Measurement
    examples: tuple[str, ...]


def facts_in_targets(training: Sequence[Example]) -> FactsInTargets | None:
    """How many targets hold a rare value that their own conversation does not; None without training rows.

    Such a value - a price, an id, a policy figure - can only be learned by heart, and is wrong once it changes.
    """
    if not training:
        return None
    counts = Counter(value for example in training for value in set(values_of(example.ideal)))
    common = max(2.0, RARE_SHARE * len(training))
    carrying = [example.id for example in training if _carries(example, counts, common)]
    share = Measurement.of_proportion("facts_in_targets", len(carrying), n=len(training))
    return FactsInTargets(share=share, examples=tuple(carrying[:SHOWN_EXAMPLES]))


def _carries(example: Example, counts: Counter[str], common: float) -> bool:
    shown = "\n".join(message.content for message in example.question)
    return any(counts[value] <= common and not stands_in(value, shown) for value in values_of(example.ideal))
