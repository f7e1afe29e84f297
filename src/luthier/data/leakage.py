"""Training rows that give away test rows."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from luthier.data.asked import Asked
from luthier.data.compare import Fetch, Side, Sides
from luthier.data.watch import Judged, Watch
from luthier.domain.value import Value
from luthier.errors import Refused
from luthier.text.similarity import Corpus, Space
from luthier.text.tokens import tokens_of

Kind = Literal["verbatim", "edited", "reordered", "near", "paraphrase"]
CERTAIN: frozenset[Kind] = frozenset({"verbatim", "edited", "reordered"})
"""What never happens to two independent rows, except to very short ones."""

_RANK: Mapping[Kind, int] = {"verbatim": 0, "edited": 1, "reordered": 2, "near": 3, "paraphrase": 4}
_FALSE_FLAGS = 0.002
"""Share of rows without a plant that may be called paraphrases, as a sample tells it. The promise is 1%; suspects are
set aside before, so that the sample told 0.4% where 1.0% were named (SNIPS)."""
_PROBES, _OTHERS, _FEWEST = 200, 4_000, 100

Rows = NDArray[np.int64]


class Overlap(Value):
    """One row that is too close to a gold row, and how."""

    row: str
    gold: str
    kind: Kind
    score: float = Field(
        ge=0, description="Shared telling words for `near`, the model's chance for `paraphrase`, else 1."
    )


class Bar(Value):
    """From which chance on a row is called a paraphrase, and why from there."""

    at: float = Field(ge=0, le=1)
    asked_for: float = Field(ge=0, le=1, description="The setting; `at` is higher where the rows resemble each other.")
    natural: float | None = Field(
        description="Share of rows that would reach the setting without any plant; None where that was not needed."
    )

    @property
    def sentence(self) -> str:
        """What a person must know of the bar."""
        if self.natural is None or self.at <= self.asked_for:
            return f"rows are called paraphrases from a chance of {self.asked_for:.2f} on, as set"
        return (
            f"{self.natural:.1%} of the rows say what another row says in other words, so a row is called a paraphrase "
            f"from {self.at:.2f} on instead of {self.asked_for:.2f}; a copy that is no closer than that goes unseen"
        )


class Hit(Value):
    """A row by its number, the gold row by its place, and how they meet."""

    row: int
    gold: int
    kind: Kind
    score: float


class Seen(NamedTuple):
    """What a guard has seen of the rows that went by."""

    rows: Rows
    same_words: Mapping[int, int]
    """Row -> place of the gold row with its words."""
    pairs: NDArray[np.float64]


class Guard:
    """Gold rows on the watch while all other rows go by, batch by batch."""

    def __init__(self, corpus: Corpus, gold: Sequence[Side], space: Space | None = None) -> None:
        """The gold rows of a corpus that counts them too; its `space` where it is made already."""
        self._corpus, self._space = corpus, space or Space(corpus)
        self._gold = list(gold)
        self._watch = Watch(corpus, self._space, self._gold)
        keys = self._watch.tokens.in_any_order()
        self._keys, self._holders = np.unique(keys, return_index=True)
        self._same_words: dict[int, int] = {}
        self._seen: list[Rows] = []

    def look(self, rows: Rows, batch: Asked) -> None:
        """Take in rows with their numbers; none may be gold."""
        tokens = tokens_of(batch.questions)
        self._seen.append(rows)
        if self._gold:
            keys = tokens.in_any_order()
            spots = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            same = np.flatnonzero(self._keys[spots] == keys)
            self._same_words |= dict(zip(rows[same].tolist(), self._holders[spots[same]].tolist(), strict=True))
            self._watch.look(rows, tokens, batch)

    @property
    def seen(self) -> Seen:
        """What was seen so far, for a guard of the same gold rows elsewhere."""
        rows = np.concatenate(self._seen) if self._seen else np.empty(0, np.int64)
        return Seen(rows, self._same_words, self._watch.shortlist.gathered())

    def take(self, seen: Seen) -> None:
        """Take in what a guard of the same gold rows has seen of other rows."""
        self._seen.append(seen.rows)
        self._same_words |= seen.same_words
        self._watch.shortlist.take(seen.pairs)

    def found(self, fetch: Fetch, *, near_threshold: float, paraphrase_threshold: float) -> tuple[list[Hit], Bar]:
        """The closest gold row of every row that gives one away, by row; and where the bar for paraphrases was set.

        Args:
            fetch: Reads rows by number.
            near_threshold: Shared telling words, in [0, 1], from which a row with the same answer is `near`.
            paraphrase_threshold: Chance from which a row is a `paraphrase`; raised where rows are alike anyway.

        """
        judged = self.judged(fetch)
        hits = self._certain(fetch)
        hits += [
            Hit(row=pair.row, gold=pair.probe, kind="near", score=pair.likeness.overlap)
            for pair in judged
            if pair.is_near(near_threshold)
        ]
        suspects = [pair for pair in judged if pair.chance >= paraphrase_threshold]
        aside = {hit.row for hit in hits} | {pair.row for pair in suspects}
        bar = Bar(at=paraphrase_threshold, asked_for=paraphrase_threshold, natural=None)
        if aside - {hit.row for hit in hits}:
            bar = self._bar(fetch, aside, near_threshold, paraphrase_threshold)
        hits += [
            Hit(row=pair.row, gold=pair.probe, kind="paraphrase", score=pair.chance)
            for pair in suspects
            if pair.chance >= bar.at
        ]
        return _closest(hits), bar

    def alike(self, fetch: Fetch, *, near_threshold: float, paraphrase_threshold: float) -> list[tuple[int, int]]:
        """Every gold row by its place, and a row by its number that resembles it, whatever the other rows are like."""
        close = {
            (pair.probe, pair.row)
            for pair in self.judged(fetch)
            if pair.is_near(near_threshold) or pair.chance >= paraphrase_threshold
        }
        return sorted(close | {(hit.gold, hit.row) for hit in self._certain(fetch)})

    def judged(self, fetch: Fetch) -> list[Judged]:
        """All pairs that were worth a careful look."""
        return self._watch.judged(fetch)

    def _certain(self, fetch: Fetch) -> list[Hit]:
        """Rows with the words of a gold row, in any case, spacing and order."""
        rows = np.array(sorted(self._same_words), dtype=np.int64)
        pairs = [(row, self._same_words[row], Side(of)) for row, of in zip(rows.tolist(), fetch(rows), strict=True)]
        return [Hit(row=row, gold=of, kind=_how(self._gold[of], side), score=1) for row, of, side in pairs]

    def _bar(self, fetch: Fetch, aside: Collection[int], near_threshold: float, asked_for: float) -> Bar:
        """The bar that lets few rows pass which resemble each other without anybody's doing.

        Some rows that resemble no gold row play the gold set, others are compared with them, but for those of one
        group, which never straddle splits. Where a gold set of this size would meet more natural look-alikes than may
        be flagged, the bar rises to where it does not.
        """
        rows = np.setdiff1d(np.concatenate(self._seen), np.fromiter(aside, dtype=np.int64))
        if len(rows) < _FEWEST:
            return Bar(at=asked_for, asked_for=asked_for, natural=None)
        drawn = np.random.default_rng(len(rows)).permutation(rows)
        count = min(_PROBES, len(rows) // 4)
        probes, others = drawn[:count], drawn[count : count + _OTHERS]
        played = list(map(Side, fetch(probes)))
        watch = Watch(self._corpus, self._space, played)
        sides = list(map(Side, fetch(others)))
        groups = {row: side.row.group for row, side in zip(others.tolist(), sides, strict=True)}
        batch = Asked.of([side.asked for side in sides], [side.row.ideal for side in sides])
        watch.look(others, tokens_of(batch.questions), batch)
        best: dict[int, float] = {}
        for pair in watch.judged(fetch):
            together = groups[pair.row] is not None and groups[pair.row] == played[pair.probe].row.group
            if not together and not pair.is_near(near_threshold):
                best[pair.row] = max(best.get(pair.row, 0.0), pair.chance)
        scores = np.sort(np.fromiter(best.values(), dtype=np.float64))[::-1]
        larger = max(1.0, len(self._gold) / count)
        natural = min(1.0, int((scores >= asked_for).sum()) / len(others) * larger)
        allowed = math.ceil(_FALSE_FLAGS * len(others) / larger)
        at = max(asked_for, float(np.nextafter(scores[allowed], 1))) if len(scores) > allowed else asked_for
        return Bar(at=at, asked_for=asked_for, natural=natural)


def find_overlaps(
    sides: Sides, gold: Sequence[int], *, near_threshold: float, paraphrase_threshold: float
) -> tuple[Overlap, ...]:
    """Every row outside `gold` that gives away a row of it, with its closest one, in order.

    Args:
        sides: All rows, gold and others.
        gold: Places of the gold rows.
        near_threshold: Shared telling words, in [0, 1], from which a row with the same answer is `near`.
        paraphrase_threshold: Chance from which it is a `paraphrase`, where the rows do not resemble each other anyway.

    """
    guard = Guard(sides.corpus, [sides.sides[place] for place in gold])
    others = np.setdiff1d(np.arange(len(sides.sides)), np.asarray(gold, dtype=np.int64))
    guard.look(others, sides.asked.take(others))
    hits, _ = guard.found(sides.fetch, near_threshold=near_threshold, paraphrase_threshold=paraphrase_threshold)
    ids = [side.row.id for side in sides.sides]
    return tuple(
        Overlap(row=ids[hit.row], gold=ids[gold[hit.gold]], kind=hit.kind, score=round(hit.score, 4)) for hit in hits
    )


def refuse(overlaps: Sequence[Overlap]) -> None:
    """Nothing when there are none; else a refusal that names every row."""
    if overlaps:
        listed = "".join(f"\n  {o.row} repeats gold row {o.gold} ({o.kind}, {o.score:.2f})" for o in overlaps)
        raise Refused(
            f"{len(overlaps)} training rows give away gold rows and would void every figure measured on them:{listed}",
            hint="remove these rows from the sources",
        )


def _how(gold: Side, row: Side) -> Kind:
    if gold.asked == row.asked:
        return "verbatim"
    return "edited" if gold.words == row.words else "reordered"


def _closest(hits: Iterable[Hit]) -> list[Hit]:
    """Of each row the surest hit."""
    best: dict[int, Hit] = {}
    for hit in hits:
        known = best.setdefault(hit.row, hit)
        if (_RANK[hit.kind], -hit.score, hit.gold) < (_RANK[known.kind], -known.score, known.gold):
            best[hit.row] = hit
    return [best[row] for row in sorted(best)]
