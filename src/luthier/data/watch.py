"""A few rows on the watch while all others go by: which of those put the same question in other words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.data.asked import Asked
from luthier.data.compare import Fetch, Side, answer_overlap
from luthier.text.embeddings import Counts
from luthier.text.rarity import Rarity
from luthier.text.rephrasing import Likeness, Wording, chance, likeness, most
from luthier.text.similarity import Close, Corpus, Shortlist, Space, with_contrast
from luthier.text.tokens import Tokens, tokens_of


class Judged(NamedTuple):
    """A row beside one of the rows on the watch."""

    probe: int
    row: int
    likeness: Likeness
    chance: float

    def is_near(self, threshold: float) -> bool:
        """Whether both say the same in nearly the same words."""
        shared = self.likeness.overlap
        return shared >= threshold and (shared >= _ANSWERS_DO_NOT_MATTER or self.likeness.answer_overlap >= threshold)


_ANSWERS_DO_NOT_MATTER = 0.95
_LEAST, _MAY_BE_NEAR = 0.1, 1.0
"""No setting asks for less than this chance; texts that share half of their telling words are closer than this."""
_LEAST_NEAR = 0.45
"""No setting calls rows near that share less: 0.5 at least, nine tenths of it where gold is drawn."""


class Watch:
    """The rows on the watch, called probes, and the pairs that are worth a careful look."""

    def __init__(self, corpus: Corpus, space: Space, probes: Sequence[Side]) -> None:
        """Probes of a corpus that counts them too."""
        asked = Asked.of([side.asked for side in probes], [side.row.ideal for side in probes])
        self.tokens = tokens_of(asked.questions)
        self._corpus, self._space, self._probes = corpus, space, probes
        self._told = corpus.told_by(asked.answers)
        self._shortlist = Shortlist(space, self.tokens, asked.questions, answers=asked.answers, told=self._told)

    def look(self, rows: NDArray[np.int64], tokens: Tokens, batch: Asked) -> None:
        """Take in a batch of rows with their numbers and the words of their questions."""
        if self._probes:
            self._shortlist.look(rows, tokens, batch.questions, batch.answers)

    @property
    def shortlist(self) -> Shortlist:
        """The pairs so far."""
        return self._shortlist

    def judged(self, fetch: Fetch) -> list[Judged]:
        """The pairs of the shortlist that may reach a chance of 0.1 or be near, judged; rows are read by number."""
        pairs = self._shortlist.pairs()
        rows = sorted({row for _, row, _, _ in pairs})
        sides = dict(zip(rows, map(Side, fetch(np.array(rows, dtype=np.int64))), strict=True))
        questions = pa.array([sides[row].asked for row in rows], pa.large_string())
        close = [(pair, self._told_by(pair, sides)) for pair in with_contrast(pairs, self._space, rows, questions)]
        # most pairs end here, before anybody has looked at their words
        worth = [
            (pair, told)
            for pair, told in close
            if pair.closeness >= _MAY_BE_NEAR or most(pair.contrast, told) >= _LEAST
        ]
        seen = [self._probes[place] for place in sorted({pair.probe for pair, _ in worth})]
        seen += [sides[row] for row in sorted({pair.row for pair, _ in worth})]
        rarity = rarity_among(self._corpus.counts, seen)
        wording = {id(side): Wording(tuple(side.words)) for side in seen}
        found: list[Judged] = []
        for pair, told in worth:
            probe, side = self._probes[pair.probe], sides[pair.row]
            one, other = wording[id(probe)], wording[id(side)]
            if one.words and other.words:
                like = likeness(
                    one,
                    other,
                    rarity,
                    contrast=pair.contrast,
                    answer_told=told,
                    answer_overlap=0.0,
                )
                if like.overlap >= _LEAST_NEAR:  # whole answers are long, and matter only where questions are near
                    like = like._replace(answer_overlap=answer_overlap(probe, side, rarity))
                found.append(Judged(pair.probe, pair.row, like, chance(like)))
        return found

    def _told_by(self, pair: Close, sides: Mapping[int, Side]) -> float:
        """What it says that both rows of a pair have one answer; 0 where they have not."""
        return float(self._told[pair.probe]) if self._probes[pair.probe].answer == sides[pair.row].answer else 0.0


def rarity_among(counts: Counts, sides: Iterable[Side]) -> Rarity:
    """The weight that the words of `sides` have in the whole corpus."""
    seen = sorted({word for side in sides for bag in (side.bag, side.answer_bag) for word in bag})
    tokens = tokens_of(pa.array(seen, pa.large_string()))
    weights: dict[str, float] = {}
    for place, word in enumerate(seen):
        if tokens.starts[place + 1] - tokens.starts[place] == 1:
            weights[word] = counts.weight(int(tokens.words[tokens.starts[place]]))
    return Rarity(weights, counts.weight(None))
