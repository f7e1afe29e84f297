"""Bootstrap means of many columns at once: one draw of rows serves every metric and every variant."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from luthier.errors import EmptySample

DRAWS = 10_000
_NUMBERS_AT_ONCE = 250_000  # 2 MB of counts: larger blocks leave the cache and take half as long again

Floats = NDArray[np.float64]


def drawn_counts(n: int, draws: int, *, seed: int) -> Iterator[Floats]:
    """How often each of `n` rows is in each resample, a block of resamples at a time, shape [block, n].

    The row numbers are those that `Generator.integers(0, n, (draws, n))` gives, in its order, whatever the block: the
    same seed names the same resamples as in `scipy.stats.bootstrap`. Each block is overwritten by the next: fetching
    pages anew for each took a third of the time.
    """
    if n == 0:
        raise EmptySample("bootstrap")
    numbers = np.random.default_rng(seed)
    block = max(1, min(draws, _NUMBERS_AT_ONCE // n))
    starts = (np.arange(block, dtype=np.int64) * n)[:, None]
    places, counts = np.empty((block, n), dtype=np.int64), np.empty((block, n))
    for start in range(0, draws, block):
        height = min(block, draws - start)
        np.add(numbers.integers(0, n, (height, n), dtype=np.int32), starts[:height], out=places[:height])
        found = np.bincount(places[:height].ravel(), minlength=height * n)
        np.copyto(counts[:height], found.reshape(height, n), casting="unsafe")
        yield counts[:height]


def bootstrap_means(columns: Floats, *, seed: int, draws: int = DRAWS) -> Floats:
    """The mean of every column over resampled rows, shape [draws, columns].

    Args:
        columns: One line per row and one column per figure, shape [rows, columns].
        seed: Names the resamples.
        draws: How many there are.

    A resample is a line of counts, so that all means are one matrix product: each row is drawn once for all columns
    where `scipy.stats.bootstrap` gathers it anew for each.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 6.

    """
    totals = [counts @ columns for counts in drawn_counts(len(columns), draws, seed=seed)]
    means: Floats = np.concatenate(totals) / len(columns)
    return means


def cluster_means(columns: Floats, groups: Sequence[int], *, seed: int, draws: int = DRAWS) -> Floats:
    """The mean of every column over resampled groups of rows, shape [draws, columns]; a group is drawn whole.

    Source: Davison & Hinkley, Bootstrap Methods and their Application (1997), section 3.8.

    """
    sums, sizes = group_sums(columns, groups)
    both = np.column_stack([sums, sizes])
    totals = np.concatenate([counts @ both for counts in drawn_counts(len(sizes), draws, seed=seed)])
    means: Floats = totals[:, :-1] / totals[:, -1:]
    return means


def group_sums(columns: Floats, groups: Sequence[int]) -> tuple[Floats, Floats]:
    """The sum of every column in each group, shape [groups, columns], and how many rows each has."""
    numbers = np.asarray(groups, dtype=np.int64)
    sums = np.zeros((int(numbers.max()) + 1, columns.shape[1]))
    np.add.at(sums, numbers, columns)
    return sums, np.bincount(numbers).astype(np.float64)


def percentile_interval(means: Floats, *, confidence: float, groups: int | None = None) -> Floats:
    """Lower and upper ends of every column, shape [2, columns].

    With `groups` the ends lie further out, as a bootstrap of few groups is too narrow: by Student's t with groups - 1
    degrees of freedom, and by the factor sqrt(g / (g - 1)) that the spread of a sample lacks.

    Source: Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015), 4.4.

    """
    tail = (1 - confidence) / 2
    if groups is not None:
        if groups < 2:
            return np.array([np.full(means.shape[1], -math.inf), np.full(means.shape[1], math.inf)])
        tail = float(ndtr(math.sqrt(groups / (groups - 1)) * stdtrit(groups - 1, tail)))
    ends: Floats = np.quantile(means, [tail, 1 - tail], axis=0)
    return ends


def sign_flip_p(sums: Floats, *, seed: int, draws: int = DRAWS) -> float:
    """Two-sided chance of so large a total where each group's sum might as well have had the other sign.

    Exact for up to 12 groups, else from `draws` random signs, counting what was seen as one of them.

    Source: Fisher, The Design of Experiments (1935), section 21; Phipson & Smyth, Stat. Appl. Genet. 9 (2010).

    """
    left = sums[sums != 0]
    if not len(left):
        return 1.0
    seen = abs(float(left.sum())) * (1 - 1e-12)
    if len(left) <= 12:
        bits = (np.arange(2 ** len(left))[:, None] >> np.arange(len(left))) & 1
        return float((np.abs((1.0 - 2.0 * bits) @ left) >= seen).mean())
    signs = np.random.default_rng(seed)
    as_far = 0
    for start in range(0, draws, 1_000):
        flips = signs.integers(0, 2, (min(1_000, draws - start), len(left)), dtype=np.int8) * 2.0 - 1.0
        as_far += int((np.abs(flips @ left) >= seen).sum())
    return (1 + as_far) / (1 + draws)
