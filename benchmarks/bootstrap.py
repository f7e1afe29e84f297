"""Paired bootstrap: 10,000 resamples of 1,000 rows, 10 metrics, 4 variants, every pair; beside scipy.stats.bootstrap.

    PYTHONPATH=src OMP_NUM_THREADS=1 python benchmarks/bootstrap.py [--peer-columns 6]

Equal results first: both name their resamples by the same seed, so that every interval must agree to 1e-12. The peer is
timed as one call over the matrix of differences (its own vectorised form, in batches that fit the cache best of those
tried) and as one call per difference, which is how its documentation compares two paired samples. Processor seconds
stand beside wall seconds; a busy machine stretches only the latter. `--peer-columns` times that many of the 60
differences one by one and multiplies; results are checked on those.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import __version__ as scipy_version
from scipy.stats import bootstrap

from luthier.domain.resampling import bootstrap_means, percentile_interval

ROWS, METRICS, VARIANTS, DRAWS, SEED, CONFIDENCE = 1_000, 10, 4, 10_000, 11, 0.95
Floats = NDArray[np.float64]


def made_scores() -> Floats:
    """Scores in [0, 1], half of them yes or no, shape [variants, metrics, rows]."""
    numbers = np.random.default_rng(5)
    scores = numbers.beta(4, 2, (VARIANTS, METRICS, ROWS))
    scores[:, ::2] = scores[:, ::2] > 0.5
    return scores


def differences(scores: Floats) -> Floats:
    """One column per pair of variants and metric, shape [rows, 60]."""
    return np.concatenate([scores[a] - scores[b] for a, b in combinations(range(VARIANTS), 2)]).T


def ours(scores: Floats) -> Floats:
    """Both ends of every difference, from one draw of rows."""
    return percentile_interval(bootstrap_means(differences(scores), seed=SEED, draws=DRAWS), confidence=CONFIDENCE)


def scipys_at_once(scores: Floats, batch: int) -> Floats:
    """The same by one vectorised call."""
    found = bootstrap(
        (differences(scores).T,), np.mean, axis=-1, n_resamples=DRAWS, batch=batch, method="percentile",
        confidence_level=CONFIDENCE, rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip
    return np.array([found.low, found.high])


def scipys_one_by_one(scores: Floats, columns: int) -> Floats:
    """The same by one call per difference of two paired samples."""
    pairs = [(scores[a, m], scores[b, m]) for a, b in combinations(range(VARIANTS), 2) for m in range(METRICS)]
    found = [
        bootstrap(
            pair, lambda one, two, axis: one.mean(axis=axis) - two.mean(axis=axis), paired=True, vectorized=True,
            n_resamples=DRAWS, method="percentile", confidence_level=CONFIDENCE, rng=np.random.default_rng(SEED),
        ).confidence_interval
        for pair in pairs[:columns]
    ]  # fmt: skip
    return np.array([[each.low for each in found], [each.high for each in found]])


def timed(work: Callable[[], Floats], rounds: int) -> tuple[Floats, float, float]:
    """The result, and the least wall and processor seconds of several rounds."""
    walls, cpus, result = [], [], np.empty(0)
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return result, min(walls), min(cpus)


def main() -> None:
    """Check, time, print, and keep the figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--peer-columns", type=int, default=6)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--out", type=Path, default=Path("benchmarks/results/bootstrap.json"))
    given = asked.parse_args()
    scores = made_scores()
    found, wall, cpu = timed(lambda: ours(scores), given.rounds)
    batches = {}
    for batch in (10, 100):
        theirs, their_wall, their_cpu = timed(lambda batch=batch: scipys_at_once(scores, batch), 1)
        np.testing.assert_allclose(found, theirs, rtol=0, atol=1e-12)
        batches[batch] = {"wall_seconds": their_wall, "cpu_seconds": their_cpu}
    part = given.peer_columns
    some, part_wall, part_cpu = timed(lambda: scipys_one_by_one(scores, part), 1)
    np.testing.assert_allclose(found[:, :part], some, rtol=0, atol=1e-12)
    times = found.shape[1] / part
    best = min(each["cpu_seconds"] for each in batches.values())
    figures = {
        "work": {"rows": ROWS, "metrics": METRICS, "variants": VARIANTS, "differences": found.shape[1], "draws": DRAWS},
        "versions": {"numpy": np.__version__, "scipy": scipy_version},
        "equal_to": 1e-12,
        "ours": {"wall_seconds": wall, "cpu_seconds": cpu},
        "scipy_one_call_over_the_matrix": batches,
        "scipy_one_call_per_difference": {"cpu_seconds": part_cpu * times, "wall_seconds": part_wall * times,
                                          "measured_differences": part},
        "cpu_ratio": {"one_call": best / cpu, "per_difference": part_cpu * times / cpu},
    }  # fmt: skip
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
