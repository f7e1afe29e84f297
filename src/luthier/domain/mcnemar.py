"""Are two variants right on the same share of rows? Only rows on which they differ can tell."""

import math

from scipy.special import bdtr


def mcnemar_exact(better: int, worse: int) -> float:
    """Two-sided chance of so uneven a split of the rows that differ; 1 where none does.

    Source: McNemar, Psychometrika 12 (1947), in its exact binomial form.
    """
    return min(1.0, 2 * float(bdtr(min(better, worse), better + worse, 0.5)))


def mcnemar_mid_p(better: int, worse: int) -> float:
    """The same with half the chance of the split itself: closer to its level, though not held to it at every n.

    Source: Fagerland, Lydersen & Laake, BMC Medical Research Methodology 13:91 (2013).
    """
    few, n = min(better, worse), better + worse
    itself = math.exp(math.lgamma(n + 1) - math.lgamma(few + 1) - math.lgamma(n - few + 1) - n * math.log(2))
    return 1.0 - itself / 2 if better == worse and n else max(0.0, mcnemar_exact(better, worse) - itself * (n > 0))
