"""The passes over all rows: what repeats, contradicts or gives gold away is found, and every row gets its fate."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from luthier.data import contradictions, leakage
from luthier.data.config import DataConfig
from luthier.data.contradictions import Contradiction
from luthier.data.gold import blocking, draw_gold, natural_overlaps, what_is_missing
from luthier.data.leakage import CERTAIN, Overlap
from luthier.data.plan.fates import Fates, Mask
from luthier.data.plan.passes import Pairs
from luthier.data.plan.repeats import cluster_sizes, exact_repeats, near_repeats
from luthier.data.plan.shaped import Shaped
from luthier.data.plan.shards import Rows, Shards
from luthier.data.plan.strata import Strata, check_tags, strata_of
from luthier.data.split import Keys, draw
from luthier.errors import Refused

_MARGIN = 0.9
"""A draw wants more distance than the check afterwards, so that new rows, which shift weights, raise no false alarm."""


@dataclass(frozen=True)
class Passes:
    """The rows of one build on their way to their fates."""

    config: DataConfig
    shaped: Shaped
    fates: Fates
    groups: Keys
    strata: Strata
    pairs: Pairs

    @classmethod
    def of(cls, config: DataConfig, shaped: Shaped) -> "Passes":
        """Nothing is decided yet, except that known gold rows are gold."""
        fates = Fates(len(shaped.shards))
        fates.place(np.arange(shaped.gold_rows), "test")
        _count_once(shaped, fates)
        groups = shaped.shards.figures("group_key").astype(np.uint64)
        strata = strata_of(shaped.shards, config.gold.stratify_by)
        return cls(config, shaped, fates, groups, strata, Pairs(shaped.shards, config))

    @property
    def shards(self) -> Shards:
        """All rows."""
        return self.shaped.shards

    def leave_out_duplicates(self) -> dict[int, int]:
        """Of rows that say the same the first stays; how many clusters there are of each size."""
        exact, of_exact = exact_repeats(self.shards, np.flatnonzero(self.fates.open))
        self.fates.leave_out(exact, "exact_duplicate", because=of_exact)
        threshold = self.config.duplicates.near_threshold
        near, of_near = near_repeats(self.shards, np.flatnonzero(self.fates.open), threshold)
        self.fates.leave_out(near, "near_duplicate", because=of_near)
        return cluster_sizes(np.concatenate([exact, near]), np.concatenate([of_exact, of_near]))

    def settle_contradictions(self) -> None:
        """Rows that contradict another one are left out, or refuse the build where the config says so."""
        gold = np.arange(self.shaped.gold_rows)
        found = self.pairs.contradictions(np.concatenate([gold, np.flatnonzero(self.fates.open)]))
        if not found:
            return
        ids = self._ids({row for one, other, _ in found for row in (one, other)})
        if self.config.contradictions == "block":
            contradictions.refuse([Contradiction(first=ids[a], second=ids[b], reason=why) for a, b, why in found])
        told = {one: f"with {ids[other]}: {why}" for one, other, why in found}
        told |= {other: f"with {ids[one]}: {why}" for one, other, why in found}
        rows = np.array(sorted(row for row in told if row >= self.shaped.gold_rows), dtype=np.int64)
        self.fates.leave_out(rows, "contradiction")
        self.fates.explain({int(row): told[int(row)] for row in rows})

    def draw_gold(self) -> int:
        """A gold set is drawn; how many rows could not be in it because another row resembles them."""
        check_tags(self.strata, self.config.gold.stratify_by, self.shards)
        rows = np.flatnonzero(self.fates.open)
        drawn = draw_gold(
            rows, self.groups[rows], self.strata.codes[rows], self.config.gold.size, seed=self.config.seed,
            alike=self._resembles_another,
        )  # fmt: skip
        self.fates.place(drawn.gold, "test")
        self.fates.leave_out(drawn.companions, "group_in_gold")
        return drawn.lookalikes

    def keep_groups_apart(self) -> None:
        """Rows of a known gold row's group do not train."""
        in_gold = np.isin(self.groups, self.groups[: self.shaped.gold_rows])
        self.fates.leave_out(in_gold & self.fates.open, "group_in_gold")

    def stop_leaks(self) -> None:
        """Rows like a known gold row are left out, or refuse the build where they are more than chance explains."""
        probes = np.arange(self.shaped.gold_rows)
        everyone = np.flatnonzero(~self.fates.is_itself)
        found = self.pairs.overlaps(probes, everyone)
        if not found:
            return
        ids = self._ids({row for each in found for row in (each.row, each.gold)})
        natural = self._natural(everyone[self.shaped.gold_rows :]) if self.config.gold.path is not None else None
        if blocking([each.kind for each in found], natural):
            leakage.refuse([Overlap(row=ids[o.row], gold=ids[o.gold], kind=o.kind, score=o.score) for o in found])
        told = {each.row: f"{each.kind} of {ids[each.gold]}" for each in found if self.fates.open[each.row]}
        self.fates.leave_out(np.array(sorted(told), dtype=np.int64), "like_gold")
        self.fates.explain(told)

    def split(self) -> None:
        """What is still open trains or validates."""
        rows = np.flatnonzero(self.fates.open)
        size = round(len(rows) * self.config.split.validation)
        held = draw(self.groups[rows], self.strata.codes[rows], size, seed=self.config.seed).chosen
        self.fates.place(rows[held], "validation")
        self.fates.place(rows[~held], "train")

    def missing(self, input_types: Collection[str]) -> list[str]:
        """What the gold set lacks."""
        gold = np.flatnonzero(self.fates.is_in("test"))
        return what_is_missing(gold, self.strata, self.config.gold.stratify_by, input_types)

    def _resembles_another(self, probes: Rows) -> Mask:
        everyone = np.flatnonzero(~self.fates.is_itself)
        return np.isin(probes, self.pairs.resembled(probes, everyone, margin=_MARGIN))

    def _natural(self, rows: Rows) -> float:
        few = min(self.shaped.gold_rows, len(rows) // 3)
        if few < 1:
            return natural_overlaps(len(rows), 0, 0, self.shaped.gold_rows)
        drawn = draw(self.groups[rows], np.zeros(len(rows), dtype=np.int64), few, seed=self.config.seed + 1)
        found = self.pairs.overlaps(rows[drawn.chosen], rows)
        chance = sum(each.kind not in CERTAIN for each in found)
        return natural_overlaps(len(rows), few, chance, self.shaped.gold_rows)

    def _ids(self, rows: Collection[int]) -> Mapping[int, str]:
        places = np.array(sorted(rows), dtype=np.int64)
        return dict(zip(places.tolist(), self.shards.take(places, "id")["id"].to_pylist(), strict=True))


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
