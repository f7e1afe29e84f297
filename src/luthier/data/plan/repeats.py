"""Rows that say what an earlier row says already: found by digests and band keys, judged on the few that are close."""

import numpy as np
from numpy.typing import NDArray

from luthier.data.compare import Side, figures_of
from luthier.data.plan.features import Nearness, nearness, spoken_texts
from luthier.data.plan.shards import Rows, Shards
from luthier.text.clusters import heads
from luthier.text.digesting import first_of_equal
from luthier.text.folding import folded
from luthier.text.near import crowded, links
from luthier.text.shingling import Sets, shingle_sets

_AT_ONCE = 20_000
_LABEL_WORDS = 6


def exact_repeats(shards: Shards, among: Rows) -> tuple[Rows, Rows]:
    """Rows of `among` whose conversation an earlier one says, case and spacing aside; and those earlier rows."""
    digests = np.stack([shards.figures("exact_low")[among], shards.figures("exact_high")[among]], axis=1)
    firsts = first_of_equal(digests.astype(np.uint64))
    again = np.flatnonzero(firsts != np.arange(len(among)))
    return among[again], among[firsts[again]]


def near_repeats(shards: Shards, among: Rows, threshold: float) -> tuple[Rows, Rows]:
    """Rows of `among` that nearly say what an earlier one says; and the first row of each one's cluster.

    Two rows are one where what was said in them overlaps from `threshold` on (Jaccard of shingles), no figure was
    replaced by another, and their answers agree: equal calls and labels, or texts with the same figures.
    """
    pairs = [_like_pairs(shards, among, near) for near in nearness(threshold)]
    one = np.concatenate([pair[0] for pair in pairs])
    other = np.concatenate([pair[1] for pair in pairs])
    agreed = _agree(shards, among[one], among[other])
    head = heads(len(among), one[agreed], other[agreed])
    again = np.flatnonzero(head != np.arange(len(among)))
    return among[again], among[head[again]]


def _like_pairs(shards: Shards, among: Rows, near: Nearness) -> tuple[Rows, Rows]:
    """Places in `among` of rows that are alike, enough of them to hold every cluster together."""
    columns = (shards.figures(name)[among].astype(np.uint64) for name in near.columns)
    close = crowded(columns)
    keys = np.stack([shards.figures(name)[among[close]].astype(np.uint64) for name in near.columns], axis=1)
    found = links(keys, _sets(shards, among[close], near), near.threshold).of(close)
    return found.one, found.other


def _sets(shards: Shards, rows: Rows, near: Nearness) -> Sets:
    """The shingle sets of rows, made again from their texts."""
    parts = []
    for start in range(0, len(rows), _AT_ONCE):
        for batch in shards.take(rows[start : start + _AT_ONCE], "messages").to_batches():
            parts.append(shingle_sets(folded(spoken_texts(batch)), near.grain))
    return Sets.joined(parts)


def _agree(shards: Shards, one: Rows, other: Rows) -> NDArray[np.bool_]:
    """Which pairs have the same answers and no figure replaced."""
    agreed = np.zeros(len(one), dtype=np.bool_)
    for start in range(0, len(one), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        places, back = np.unique(np.concatenate([one[rows], other[rows]]), return_inverse=True)
        sides = [Side(row) for row in shards.examples(places)]
        half = len(back) // 2
        agreed[rows] = [_say_the_same(sides[a], sides[b]) for a, b in zip(back[:half], back[half:], strict=True)]
    return agreed


def _say_the_same(one: Side, other: Side) -> bool:
    mine, theirs = figures_of(one.bag - other.bag), figures_of(other.bag - one.bag)
    return not (mine and theirs) and _same_answer(one, other)


def _same_answer(one: Side, other: Side) -> bool:
    if one.answer == other.answer:
        return True
    if one.call is not None or other.call is not None:
        return False
    if min(one.answer_bag.total(), other.answer_bag.total()) < _LABEL_WORDS:
        return False
    return figures_of(one.answer_bag) == figures_of(other.answer_bag)


def cluster_sizes(rows: Rows, of: Rows) -> dict[int, int]:
    """Rows in a cluster -> how many such clusters, from rows that were left out and the row that each repeats."""
    known, places = np.unique(np.concatenate([rows, of]), return_inverse=True)
    head = heads(len(known), places[: len(rows)], places[len(rows) :])
    sizes, clusters = np.unique(np.bincount(head)[np.unique(head)], return_counts=True)
    return dict(zip(sizes.tolist(), clusters.tolist(), strict=True))
