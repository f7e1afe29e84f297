"""Several orders of the same passages made one, by ranks alone: scores of different kinds need no common scale.

Source: Cormack, Clarke & Buettcher, Reciprocal Rank Fusion Outperforms Condorcet (SIGIR 2009).
"""

from collections.abc import Mapping, Sequence

RANK_CONSTANT = 60


def fused(orders: Sequence[tuple[Sequence[int], float]], *, constant: int = RANK_CONSTANT) -> list[int]:
    """The places of all orders by the sum of weight / (constant + rank), the best first, ties by place."""
    worth: dict[int, float] = {}
    for order, weight in orders:
        for rank, place in enumerate(order, 1):
            worth[place] = worth.get(place, 0.0) + weight / (constant + rank)
    return ordered(worth)


def ordered(worth: Mapping[int, float]) -> list[int]:
    """Places from the most worth to the least, ties by place."""
    return sorted(worth, key=lambda place: (-worth[place], place))
