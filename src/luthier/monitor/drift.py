"""Whether served questions still look like the training questions: a calibrated two-sample test."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from luthier.domain.value import Value
from luthier.errors import EmptySample

PERMUTATIONS = 999
DIMENSIONS = 32


class DriftTest(Value):
    """One comparison of two samples; the p-value is exact up to the number of permutations."""

    feature: str
    statistic: float
    p_value: float
    n_reference: int
    n_served: int


def text_drift(reference: Sequence[str], served: Sequence[str], *, seed: int) -> DriftTest:
    """Distance of mean latent-semantic vectors, judged by permutation.

    The space is fitted on both samples pooled, so that neither side is favoured and the permutation
    p-value keeps its level. Source: Gretton et al., JMLR 13 (2012), with a linear kernel.
    """
    if not reference or not served:
        raise EmptySample("drift")
    vectors = _vectors([*reference, *served], seed)
    statistic, p_value = _permuted_mean_distance(vectors, len(reference), seed)
    return DriftTest(
        feature="meaning", statistic=statistic, p_value=p_value, n_reference=len(reference), n_served=len(served)
    )


def length_drift(reference: Sequence[str], served: Sequence[str]) -> DriftTest:
    """Two-sample Kolmogorov-Smirnov test on the number of words."""
    if not reference or not served:
        raise EmptySample("drift")
    from scipy.stats import ks_2samp  # noqa: PLC0415 - a second to import; only a check pays

    found = ks_2samp([len(text.split()) for text in reference], [len(text.split()) for text in served])
    return DriftTest(
        feature="length",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        n_reference=len(reference),
        n_served=len(served),
    )


def vocabulary_shift(reference: Sequence[str], served: Sequence[str]) -> float:
    """Share of served words that no reference text holds, in [0, 1]."""
    known = {word for text in reference for word in text.casefold().split()}
    words = [word for text in served for word in text.casefold().split()]
    if not words:
        raise EmptySample("vocabulary shift")
    return sum(word not in known for word in words) / len(words)


def _vectors(texts: Sequence[str], seed: int) -> NDArray[np.float64]:
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - a second to import; only a check pays
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    weighed = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(texts)
    dimensions = min(DIMENSIONS, weighed.shape[1] - 1)
    latent = TruncatedSVD(n_components=max(1, dimensions), random_state=seed).fit_transform(weighed)
    return np.asarray(latent, dtype=np.float64)


def _permuted_mean_distance(vectors: NDArray[np.float64], first: int, seed: int) -> tuple[float, float]:
    draws = np.random.default_rng(seed)
    total, second = vectors.sum(axis=0), len(vectors) - first

    def distance(chosen: NDArray[np.intp]) -> float:
        inside = vectors[chosen].sum(axis=0)
        gap = inside / first - (total - inside) / second
        return float(gap @ gap)

    observed = distance(np.arange(first))
    as_far = sum(distance(draws.permutation(len(vectors))[:first]) >= observed for _ in range(PERMUTATIONS))
    return observed, (as_far + 1) / (PERMUTATIONS + 1)
