"""Bounds on a proportion that hold however often one looks."""

import math
from collections.abc import Callable

from scipy.special import betaln


def confidence_sequence(hits: int, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """An interval that covers the true share at every n at once with probability >= 1 - alpha.

    The set of p whose uniform-mixture likelihood ratio stays below 1 / alpha (Ville's inequality).
    Zero observations give [0, 1].

    Source: Robbins, Ann. Math. Statist. 41 (1970); Howard et al., Ann. Statist. 49 (2021).
    """
    if n == 0:
        return 0.0, 1.0
    ceiling = math.log(1 / alpha)
    evidence = float(betaln(hits + 1, n - hits + 1))

    def outside(share: float) -> bool:
        return evidence - _log_likelihood(hits, n, share) >= ceiling

    centre = hits / n
    return _edge(0.0, centre, outside), _edge(1.0, centre, outside)


def _log_likelihood(hits: int, n: int, share: float) -> float:
    successes = hits * math.log(share) if hits and share > 0 else (-math.inf if hits else 0.0)
    failures = (n - hits) * math.log1p(-share) if n - hits and share < 1 else (-math.inf if n - hits else 0.0)
    return successes + failures


def _edge(far: float, near: float, outside: Callable[[float], bool]) -> float:
    """The border between a far point and the centre; the far point itself when it is not outside."""
    if not outside(far):
        return far
    for _ in range(60):
        middle = (far + near) / 2
        far, near = (middle, near) if outside(middle) else (far, middle)
    return far
