"""Gold rows, or rows that may become gold, against all others while these go by."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from luthier.data.asked import Asked
from luthier.data.compare import Side
from luthier.data.config import LeakageConfig
from luthier.data.leakage import Bar, Guard, Hit
from luthier.data.openness import Expected
from luthier.data.plan.fates import Mask
from luthier.data.plan.shards import Rows, Shards
from luthier.text.embeddings import Floats
from luthier.text.encoding import Encode
from luthier.text.similarity import Corpus, Space


class Lookout:
    """All rows of a build, read once for what they have in common and once for each look around."""

    def __init__(self, shards: Shards, everyone: Rows, config: LeakageConfig, encode: Encode | None = None) -> None:
        """The words and answers of `everyone` are counted; an encoder tells what questions mean, where there is one."""
        self._shards, self._config, self._encode = shards, config, encode
        self.corpus = Corpus.empty()
        for _, batch in self._batches(everyone):
            self.corpus.add(batch.questions, batch.answers)

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
        guard = Guard(self.corpus, [Side(row) for row in self._shards.examples(gold)], self._space)
        for rows, batch in self._batches(others):
            guard.look(rows, batch)
        return guard

    @cached_property
    def _space(self) -> Space:
        return Space(self.corpus, self._encode)

    def _batches(self, rows: Rows) -> Iterator[tuple[Rows, Asked]]:
        """The questions and answers of `rows`, which ascend, batch by batch."""
        for start, batch in self._shards.batches("messages"):
            first, last = np.searchsorted(rows, [start, start + batch.num_rows])
            some = rows[first:last]
            if len(some):
                asked = Asked.of_batch(batch)
                yield some, asked if len(some) == batch.num_rows else asked.take(some - start)
