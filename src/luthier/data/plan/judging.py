"""Careful comparisons of pairs of rows, as tasks: the few pairs that columns could not decide."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from luthier.data.compare import Side, figures_of, same_answer
from luthier.data.contradictions import Verdicts, verdicts_in_corpus
from luthier.data.executors.executor import Executor, R
from luthier.data.plan.repeats import PairRows
from luthier.data.plan.shards import Shards
from luthier.data.watch import rarity_among
from luthier.text.embeddings import Counts
from luthier.text.rarity import Rarity, overlap

_PAIRS_PER_TASK = 10_000


@dataclass(frozen=True)
class PairTask:
    """Pairs of rows of these shards, and what weighs their words."""

    files: tuple[Path, ...]
    counts: Path
    pairs: PairRows
    threshold: float


@dataclass(frozen=True)
class Judges:
    """Whoever compares pairs: the shards, the counts of words on disk, and where tasks run."""

    executor: Executor
    files: tuple[Path, ...]
    counts: Path
    threshold: float

    def repeats(self, pairs: PairRows) -> PairRows:
        """The pairs that say the same: questions that share their telling words and figures, and the same answer."""
        found = self._judged(judge_repeats, pairs)
        return np.concatenate(found) if found else pairs

    def verdicts(self, pairs: PairRows) -> Verdicts:
        """What is to be said of the pairs that ask the same."""
        return Verdicts.joined(self._judged(judge_answers, pairs))

    def _judged(self, judge: Callable[[PairTask], R], pairs: PairRows) -> Sequence[R]:
        chunks = [pairs[start : start + _PAIRS_PER_TASK] for start in range(0, len(pairs), _PAIRS_PER_TASK)]
        tasks = [PairTask(self.files, self.counts, chunk, self.threshold) for chunk in chunks]
        try:
            return list(self.executor.run(judge, tasks))
        finally:  # where tasks run in this process it would keep files open that nobody reads any more
            shards_in.cache_clear()
            counts_in.cache_clear()


def judge_repeats(task: PairTask) -> PairRows:
    """Those of the task's pairs that say the same."""
    numbers = np.unique(task.pairs)
    sides = dict(zip(numbers.tolist(), map(Side, shards_in(task.files).examples(numbers)), strict=True))
    rarity = rarity_among(counts_in(task.counts), sides.values())
    said = [_say_the_same(sides[one], sides[other], rarity, task.threshold) for one, other in task.pairs.tolist()]
    return task.pairs[np.array(said, dtype=np.bool_)]


def judge_answers(task: PairTask) -> Verdicts:
    """What is to be said of those of the task's pairs that ask the same."""
    fetch = shards_in(task.files).examples
    return verdicts_in_corpus(task.pairs, fetch, counts_in(task.counts), near_threshold=task.threshold)


def _say_the_same(one: Side, other: Side, rarity: Rarity, threshold: float) -> bool:
    mine, theirs = figures_of(one.bag - other.bag), figures_of(other.bag - one.bag)
    if mine and theirs:
        return False
    return same_answer(one, other, rarity, threshold) and overlap(one.bag, other.bag, rarity) >= threshold


@lru_cache(maxsize=1)
def shards_in(files: tuple[Path, ...]) -> Shards:
    """The rows of these files, opened once in each process."""
    return Shards(files)


@lru_cache(maxsize=1)
def counts_in(file: Path) -> Counts:
    """The counts of words in a file of `common.write_corpus`, read once in each process."""
    with np.load(file) as kept:
        return Counts(kept["words"], kept["stems"], int(kept["rows"]))
