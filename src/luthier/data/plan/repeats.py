"""Rows that say what an earlier row says already: found by digests and band keys, judged on the few that are close."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from luthier.data.asked import Asked
from luthier.data.plan.features import Nearness, nearness
from luthier.data.plan.shards import Rows, Shards
from luthier.text.clusters import heads
from luthier.text.digesting import first_of_equal
from luthier.text.folding import folded
from luthier.text.near import crowded, links
from luthier.text.shingling import Sets, shingle_sets

PairRows = NDArray[np.int64]
"""Places of two rows, the lower first, shape [pairs, 2]."""
_AT_ONCE = 20_000


def exact_repeats(shards: Shards, among: Rows) -> tuple[Rows, Rows]:
    """Rows of `among` whose conversation an earlier one says, case and spacing aside; and those earlier rows."""
    digests = np.stack([shards.figures("exact_low")[among], shards.figures("exact_high")[among]], axis=1)
    firsts = first_of_equal(digests.astype(np.uint64))
    again = np.flatnonzero(firsts != np.arange(len(among)))
    return among[again], among[firsts[again]]


def close_questions(shards: Shards, among: Rows, threshold: float) -> PairRows:
    """Pairs of `among` whose questions may be one, verified by their Jaccard; they hold every cluster together."""
    grains = nearness(threshold)
    with ThreadPoolExecutor(len(grains)) as threads:  # nearly all of it is kernels and sorting, which hold no lock
        found = list(threads.map(lambda near: _linked(shards, among, near), grains))
    return np.unique(np.concatenate(found), axis=0)


def repeat_candidates(shards: Shards, close: PairRows, among: Rows) -> PairRows:
    """Pairs of `among` that may be near duplicates: close ones, and those of one answer among questions that are close.

    Of rows that are close through others, the first with an answer is paired with the others of that answer. Two
    preferences must reject the same.
    """
    known = np.searchsorted(among, close)
    head = heads(len(among), known[:, 0], known[:, 1])
    answers = shards.figures("answer_key")[among] ^ shards.figures("preference_key")[among]
    alike = np.flatnonzero((head != np.arange(len(among))) | np.isin(np.arange(len(among)), head[known[:, 0]]))
    order = alike[np.lexsort((alike, answers[alike], head[alike]))]
    same = (head[order][1:] == head[order][:-1]) & (answers[order][1:] == answers[order][:-1])
    firsts = (
        order[np.maximum.accumulate(np.where(np.r_[True, ~same], np.arange(len(order)), 0))] if len(order) else order
    )
    pairs = np.stack([among[firsts], among[order]], axis=1)
    candidates = np.unique(np.concatenate([close, pairs[firsts != order]]), axis=0)
    preferred = shards.figures("preference_key")
    of_one_kind: PairRows = candidates[preferred[candidates[:, 0]] == preferred[candidates[:, 1]]]
    return of_one_kind


def cluster_heads(among: Rows, pairs: PairRows) -> tuple[Rows, Rows]:
    """Rows of `among` that are one with an earlier row through `pairs`; and the first row of each one's cluster."""
    known = np.searchsorted(among, pairs)
    head = heads(len(among), known[:, 0], known[:, 1])
    again = np.flatnonzero(head != np.arange(len(among)))
    return among[again], among[head[again]]


def cluster_sizes(rows: Rows, of: Rows) -> dict[int, int]:
    """Rows in a cluster -> how many such clusters, from rows that were left out and the row that each repeats."""
    known, places = np.unique(np.concatenate([rows, of]), return_inverse=True)
    head = heads(len(known), places[: len(rows)], places[len(rows) :])
    sizes, clusters = np.unique(np.bincount(head)[np.unique(head)], return_counts=True)
    return dict(zip(sizes.tolist(), clusters.tolist(), strict=True))


def _linked(shards: Shards, among: Rows, near: Nearness) -> PairRows:
    columns = (shards.figures(name)[among].astype(np.uint64) for name in near.columns)
    crowd = crowded(columns)
    keys = np.stack([shards.figures(name)[among[crowd]].astype(np.uint64) for name in near.columns], axis=1)
    found = links(keys, _sets(shards, among[crowd], near), near.jaccard).of(crowd)
    return np.stack([among[found.one], among[found.other]], axis=1)


def _sets(shards: Shards, rows: Rows, near: Nearness) -> Sets:
    """The shingle sets of the rows' questions, made again from their texts."""
    parts = []
    for start in range(0, len(rows), _AT_ONCE):
        for batch in shards.take(rows[start : start + _AT_ONCE], "messages").to_batches():
            parts.append(shingle_sets(folded(Asked.of_batch(batch).questions), near.grain))
    return Sets.joined(parts)
