"""Gold rows, or rows that may become gold, against all others while these go by."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from luthier.data.asked import Asked, questions_of
from luthier.data.compare import Side
from luthier.data.config import LeakageConfig
from luthier.data.executors.executor import Executor
from luthier.data.leakage import Bar, Guard, Hit, Seen
from luthier.data.openness import Expected
from luthier.data.plan.common import corpus_of, write_corpus
from luthier.data.plan.fates import Mask
from luthier.data.plan.judging import counts_in
from luthier.data.plan.shards import Rows, Shards, Stretch
from luthier.domain.examples import Example
from luthier.text.embeddings import Floats
from luthier.text.encoding import Encode
from luthier.text.similarity import Corpus, Space

FEW = 5_000
"""Rows that are looked at in this process: to send them out would take longer."""


@dataclass(frozen=True)
class LookTask:
    """Rows that go by, the gold rows on the watch, and the corpus of both."""

    stretch: Stretch
    corpus: Path
    gold: tuple[Example, ...]


def count(stretch: Stretch) -> Corpus:
    """What the rows have in common."""
    corpus = Corpus.empty()
    for _, batch in _asked(stretch.batches(*_READ)):
        corpus.add(batch.questions, batch.answers)
    return corpus


def look(task: LookTask) -> Seen:
    """What the gold rows see of the rows."""
    corpus, space = _opened(task.corpus)
    guard = Guard(corpus, [Side(row) for row in task.gold], space)
    for rows, batch in _asked(task.stretch.batches(*_READ)):
        guard.look(rows, batch)
    return guard.seen


class Lookout:
    """All rows of a build, read once for what they have in common and once for each look around."""

    def __init__(
        self,
        executor: Executor,
        shards: Shards,
        everyone: Rows,
        *,
        config: LeakageConfig,
        folder: Path,
        encode: Encode | None = None,
    ) -> None:
        """The words and answers of `everyone` are counted, in `folder`; an encoder says what questions mean."""
        self._executor, self._shards, self._config, self._encode = executor, shards, config, encode
        self.corpus = Corpus.empty()
        for counted in executor.run(count, shards.stretches(everyone)):
            self.corpus.merge(counted)
        self.file = write_corpus(folder, self.corpus)

    def overlaps(self, gold: Rows, others: Rows) -> tuple[list[Hit], Bar]:
        """Rows of `others` that give a row of `gold` away, both by their places; and where the bar was set."""
        guard = self._guard(gold, others)
        found, bar = guard.found(
            self._shards.examples,
            near_threshold=self._config.near_threshold,
            paraphrase_threshold=self._config.paraphrase_threshold,
        )
        return [hit.model_copy(update={"gold": int(gold[hit.gold])}) for hit in found], bar

    @property
    def mean(self) -> Floats:
        """What all questions mean."""
        return self._space.mean

    def expected(self, rows: Rows) -> Expected:
        """What answers are to be expected, as a sample of all rows tells."""
        return Expected(rows, self._shards.examples(rows), self._space, self.corpus.counts)

    def resembled(self, probes: Rows, everyone: Rows, *, margin: float) -> Mask:
        """Which of `probes` any other row of `everyone` resembles, at thresholds lowered by `margin`.

        Probes are set against the rest in one look, and against each other in one small look for every binary digit
        of their places: of any two, one has a digit that the other lacks.
        """
        alike = self._alike(probes, np.setdiff1d(everyone, probes), margin)
        for digit in range(max(len(probes) - 1, 0).bit_length()):
            has = (np.arange(len(probes)) >> digit & 1).astype(np.bool_)
            alike |= self._alike(probes[has], np.sort(probes[~has]), margin)
        found: Mask = np.isin(probes, list(alike))
        return found

    def _alike(self, probes: Rows, others: Rows, margin: float) -> set[int]:
        """Rows of both that resemble one of the other."""
        pairs = self._guard(probes, others).alike(
            self._shards.examples,
            near_threshold=self._config.near_threshold * margin,
            paraphrase_threshold=self._config.paraphrase_threshold * margin,
        )
        return {row for _, row in pairs} | {int(probes[place]) for place, _ in pairs}

    def _guard(self, gold: Rows, others: Rows) -> Guard:
        """The gold rows, which have seen `others`, ascending, go by."""
        told = tuple(self._shards.examples(gold))
        guard = Guard(self.corpus, [Side(row) for row in told], self._space)
        if len(others) <= FEW or self._encode is not None:  # an encoder stays in this process
            for rows, batch in _asked(self._shards.chosen(others, *_READ)):
                guard.look(rows, batch)
            return guard
        tasks = [LookTask(part, self.file, told) for part in self._shards.stretches(others)]
        try:
            for seen in self._executor.run(look, tasks):
                guard.take(seen)
        finally:  # where tasks run in this process it would hold what only tasks need
            _opened.cache_clear()
            counts_in.cache_clear()
        return guard

    @cached_property
    def _space(self) -> Space:
        return Space(self.corpus, self._encode)


_READ = ("messages", "answer_key")


def _asked(batches: Iterator[tuple[Rows, pa.RecordBatch]]) -> Iterator[tuple[Rows, Asked]]:
    """The questions of rows, and the keys of their answers."""
    for rows, batch in batches:
        yield rows, Asked(questions_of(batch["messages"]), batch["answer_key"].to_numpy())


@lru_cache(maxsize=1)
def _opened(file: Path) -> tuple[Corpus, Space]:
    corpus = corpus_of(file)
    return corpus, Space(corpus)
