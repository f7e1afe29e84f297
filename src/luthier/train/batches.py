"""Which rows go together: shuffled, yet of like length, because padding is what a small machine wastes."""

from collections.abc import Sequence

import numpy as np

POOL_BATCHES = (
    16  # rows are sorted by length within so many batches; more would make the batches of an epoch less mixed
)


def epoch_batches(lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Every row index once, in batches of like length whose order is drawn from the seed and the epoch."""
    draws = np.random.default_rng([seed, epoch])
    order = [int(index) for index in draws.permutation(len(lengths))]
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * POOL_BATCHES):
        pool = sorted(order[start : start + batch_size * POOL_BATCHES], key=lambda index: lengths[index])
        batches.extend(pool[at : at + batch_size] for at in range(0, len(pool), batch_size))
    return [batches[int(place)] for place in draws.permutation(len(batches))]


def micro_batches(batch: Sequence[int], sizes: Sequence[int], tokens: int) -> list[list[int]]:
    """The rows of a batch by size, in parts that together keep to `tokens`; a larger row stands alone."""
    parts: list[list[int]] = []
    held = 0
    for index in sorted(batch, key=lambda index: sizes[index]):
        if parts and held + sizes[index] <= tokens:
            parts[-1].append(index)
            held += sizes[index]
        else:
            parts.append([index])
            held = sizes[index]
    return parts
