"""Two searches of the same passages made one: by their scores, or by their ranks alone.

By scores: those of words over the best of them, and what meaning adds times its weight. A passage that words find far
better than all others stays first; where words find many alike, meaning decides. By ranks: reciprocal rank fusion,
which needs no common scale and forgets how far apart two passages were.

Source: Bruch, Gai & Ingber, An Analysis of Fusion Functions for Hybrid Retrieval (2023); Cormack, Clarke & Buettcher,
Reciprocal Rank Fusion Outperforms Condorcet (SIGIR 2009).
"""

from collections.abc import Mapping, Sequence

RANK_CONSTANT = 60


def by_ranks(words: Sequence[int], meaning: Sequence[int], *, weight: float) -> list[int]:
    """The places of both orders by 1 / (60 + rank) by words plus `weight` / (60 + rank) by meaning, ties by place."""
    worth: dict[int, float] = {}
    for order, counts in ((words, 1.0), (meaning, weight)):
        for rank, place in enumerate(order, 1):
            worth[place] = worth.get(place, 0.0) + counts / (RANK_CONSTANT + rank)
    return _ordered(worth)


def by_scores(words: Mapping[int, float], meaning: Mapping[int, float], *, weight: float) -> list[int]:
    """The places of both, by the share of the best score by words plus `weight` times that by meaning, ties by place.

    `meaning` should also score what words found; a place that it leaves out counts as a stranger (0).
    """
    best = max(words.values(), default=1.0)
    return _ordered(
        {
            place: words.get(place, 0.0) / best + weight * meaning.get(place, 0.0)
            for place in words.keys() | meaning.keys()
        }
    )


def _ordered(worth: Mapping[int, float]) -> list[int]:
    return sorted(worth, key=lambda place: (-worth[place], place))
