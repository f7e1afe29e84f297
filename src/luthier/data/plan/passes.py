"""The rows of one build on their way to their fates: what repeats, contradicts or gives gold away is found."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from luthier.data import leakage
from luthier.data.config import DataConfig
from luthier.data.contradictions import Conflict
from luthier.data.gold import blocking, draw_gold, natural_overlaps, what_is_missing
from luthier.data.leakage import CERTAIN, Bar, Hit, Overlap
from luthier.data.plan.fates import Fates, Mask
from luthier.data.plan.judging import Judges
from luthier.data.plan.leaks import Lookout
from luthier.data.plan.preferences import ANSWER, joined_groups, opposed_pairs, twins
from luthier.data.plan.repeats import (
    PairRows,
    close_questions,
    cluster_heads,
    cluster_sizes,
    exact_repeats,
    repeat_candidates,
)
from luthier.data.plan.shaped import Shaped
from luthier.data.plan.shards import Rows, Shards
from luthier.data.plan.strata import Strata, check_tags, strata_of
from luthier.data.split import Keys, draw
from luthier.errors import Refused

OPPOSED = "one prefers the answer that the other rejects"
_MARGIN = 0.9
"""A draw wants more distance than the check afterwards, so that new rows, which shift weights, raise no false alarm."""
_NATURAL_PROBES, _NATURAL_ROWS = 200, 20_000


@dataclass(frozen=True)
class Passes:
    """All rows, and what was decided about each."""

    config: DataConfig
    shaped: Shaped
    fates: Fates
    groups: Keys
    strata: Strata
    preferences: Mask
    twins: Mask
    """Preferences beside an answer to the same question, with which they stay."""

    @classmethod
    def of(cls, config: DataConfig, shaped: Shaped) -> "Passes":
        """Nothing is decided yet, except that known gold rows are gold."""
        fates = Fates(len(shaped.shards))
        fates.place(np.arange(shaped.gold_rows), "test")
        _count_once(shaped, fates)
        groups, questions, preferred = (
            shaped.shards.figures(name).astype(np.uint64) for name in ("group_key", "question_key", "preference_key")
        )
        strata = strata_of(shaped.shards, config.gold.stratify_by)
        is_preference = preferred != ANSWER
        together = joined_groups(groups, questions, is_preference)
        return cls(config, shaped, fates, together, strata, is_preference, twins(groups, questions, is_preference))

    @property
    def shards(self) -> Shards:
        """All rows."""
        return self.shaped.shards

    @property
    def everyone(self) -> Rows:
        """Every row once, gold and rows that were left out too; a preference beside its answer is no other row."""
        return np.flatnonzero(~self.fates.is_itself & ~self.twins)

    def leave_out_duplicates(self, judges: Judges) -> tuple[dict[int, int], PairRows]:
        """Of rows that say the same the first stays; clusters by size, and pairs of rows whose questions are close."""
        exact, of_exact = exact_repeats(self.shards, np.flatnonzero(self.fates.open))
        self.fates.leave_out(exact, "exact_duplicate", because=of_exact)
        gold, rows = np.arange(self.shaped.gold_rows), np.flatnonzero(self.fates.open)
        close = close_questions(self.shards, np.concatenate([gold, rows]), self.config.duplicates.near_threshold)
        among_rows = close[close[:, 0] >= self.shaped.gold_rows]
        near, of_near = cluster_heads(rows, judges.repeats(repeat_candidates(self.shards, among_rows, rows)))
        self.fates.leave_out(near, "near_duplicate", because=of_near)
        sizes = cluster_sizes(np.concatenate([exact, near]), np.concatenate([of_exact, of_near]))
        head = np.arange(len(self.shards))
        head[near] = of_near
        return sizes, head[close]

    def opposed(self) -> list[Conflict]:
        """Rows that are preferred to what another one prefers to them."""
        rows = np.flatnonzero(self.fates.open)
        if not self.preferences[rows].any():
            return []
        columns = (self.shards.figures(name)[rows] for name in ("question_key", "answer_key", "preference_key"))
        pairs = rows[opposed_pairs(*columns)].tolist()
        return [Conflict(first=one, second=other, kind="preference", reason=OPPOSED) for one, other in pairs]

    def draw_gold(self, lookout: Lookout) -> int:
        """A gold set is drawn; how many rows could not be in it because another row resembles them."""
        check_tags(self.strata, self.config.gold.stratify_by, self.shards)
        is_synthetic = self.shards.figures("synthetic").astype(np.bool_)
        measures = self.fates.open & ~is_synthetic & ~self.preferences  # what a model wrote measures no model
        rows = np.flatnonzero(measures)

        def resembles_another(probes: Rows) -> Mask:
            return lookout.resembled(probes, self.everyone, margin=_MARGIN)

        drawn = draw_gold(
            rows, self.groups[rows], self.strata.codes[rows], self.config.gold.size, seed=self.config.seed,
            alike=resembles_another,
        )  # fmt: skip
        self.fates.place(drawn.gold, "test")
        self.keep_groups_apart()
        return drawn.lookalikes

    def keep_groups_apart(self) -> None:
        """Rows of a gold row's group, and preferences about its question, do not train."""
        in_gold = np.isin(self.groups, self.groups[self.fates.is_in("test")])
        self.fates.leave_out(in_gold & self.fates.open, "group_in_gold")

    def stop_leaks(self, lookout: Lookout) -> Bar:
        """Rows like a known gold row are left out, or refuse the build where they are more than chance explains."""
        gold, others = np.arange(self.shaped.gold_rows), self.everyone[self.shaped.gold_rows :]
        found, bar = lookout.overlaps(gold, others)
        if found:
            natural = self._natural(lookout, others) if self.config.gold.path is not None else None
            ids = self.ids({row for hit in found for row in (hit.row, hit.gold)})
            if blocking([hit.kind for hit in found], natural):
                leakage.refuse([_told(hit, ids) for hit in found])
            told = {hit.row: f"{hit.kind} of {ids[hit.gold]}" for hit in found if self.fates.open[hit.row]}
            self.fates.leave_out(np.array(sorted(told), dtype=np.int64), "like_gold")
            self.fates.explain(told)
        return bar

    def split(self) -> None:
        """What is still open trains or validates."""
        rows = np.flatnonzero(self.fates.open)
        size = round(len(rows) * self.config.split.validation)
        held = draw(self.groups[rows], self.strata.codes[rows], size, seed=self.config.seed).chosen
        self.fates.place(rows[held], "validation")
        self.fates.place(rows[~held], "train")

    def missing(self, input_types: Collection[str]) -> list[str]:
        """What the gold set lacks."""
        answers = ~self.preferences
        gold = (np.cumsum(answers) - 1)[self.fates.is_in("test")]
        strata = Strata(self.strata.codes[answers], self.strata.values)
        return what_is_missing(gold, strata, self.config.gold.stratify_by, input_types)

    def _natural(self, lookout: Lookout, rows: Rows) -> float:
        """How many rows resemble a gold set of this size by chance, told by rows that play it."""
        few = min(self.shaped.gold_rows, len(rows) // 3, _NATURAL_PROBES)
        if few < 1:
            return natural_overlaps(len(rows), 0, 0, self.shaped.gold_rows)
        drawn = draw(self.groups[rows], np.zeros(len(rows), dtype=np.int64), few, seed=self.config.seed + 1).chosen
        others = rows[~drawn][:: max(1, len(rows) // _NATURAL_ROWS)]
        found, _ = lookout.overlaps(rows[drawn], others)
        chance = sum(hit.kind not in CERTAIN for hit in found) * len(rows) / len(others)
        return natural_overlaps(len(rows), int(drawn.sum()), chance, self.shaped.gold_rows)

    def ids(self, rows: Collection[int]) -> Mapping[int, str]:
        """The ids of rows by their places."""
        places = np.array(sorted(rows), dtype=np.int64)
        return dict(zip(places.tolist(), self.shards.take(places, "id")["id"].to_pylist(), strict=True))


def _told(hit: Hit, ids: Mapping[int, str]) -> Overlap:
    return Overlap(row=ids[hit.row], gold=ids[hit.gold], kind=hit.kind, score=round(hit.score, 4))


def _count_once(shaped: Shaped, fates: Fates) -> None:
    """Source rows that are gold rows themselves (same id, same conversation) are counted as gold alone."""
    keys = shaped.shards.figures("id_key")
    known = {int(key): place for place, key in enumerate(keys[: shaped.gold_rows])}
    same = np.flatnonzero(np.isin(keys[shaped.gold_rows :], keys[: shaped.gold_rows])) + shaped.gold_rows
    if not len(same):
        return
    gold = shaped.shards.examples(np.array([known[int(key)] for key in keys[same]]))
    rows = shaped.shards.examples(same)
    clash = [row.id for row, of in zip(rows, gold, strict=True) if row.messages != of.messages]
    if clash:
        raise Refused(
            f"{len(clash)} rows have the id of a gold row and another text than it: {', '.join(clash)}",
            hint="restore these rows; where lines moved, give each row an `id` of its own before the gold set is made",
        )
    fates.count_elsewhere(same)
