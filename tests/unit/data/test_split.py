"""Laws of the draw: complete, disjoint, whole groups, the same for the same seed, strata within rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.split import Codes, Keys, draw, quotas
from luthier.errors import UserError


@st.composite
def populations(draw_one: st.DrawFn) -> tuple[Keys, Codes]:
    kinds = draw_one(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8)), min_size=2, max_size=60))
    grouped = draw_one(st.booleans())
    groups = [group if grouped else 1000 + place for place, (_, group) in enumerate(kinds)]
    return np.array(groups, dtype=np.uint64), np.array([kind for kind, _ in kinds])


@given(populations(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_draw_takes_whole_groups_and_at_least_the_size(rows: tuple[Keys, Codes], data: st.DataObject) -> None:
    groups, strata = rows
    size = data.draw(st.integers(1, len(groups)))
    chosen = draw(groups, strata, size, seed=3).chosen
    assert size <= chosen.sum() <= len(groups)
    assert not set(groups[chosen]) & set(groups[~chosen])


@given(populations(), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_same_seed_draws_the_same_groups_in_any_order_of_the_rows(rows: tuple[Keys, Codes], seed: int) -> None:
    groups, strata = rows
    size = len(groups) // 2
    once = draw(groups, strata, size, seed=seed).chosen
    assert (draw(groups[::-1], strata[::-1], size, seed=seed).chosen[::-1] == once).all()


@given(populations(), st.data())
@settings(max_examples=60, deadline=None)
def test_without_groups_every_stratum_has_its_share_within_one_row(
    rows: tuple[Keys, Codes], data: st.DataObject
) -> None:
    strata = rows[1]
    size = data.draw(st.integers(1, len(strata)))
    chosen = draw(np.arange(len(strata), dtype=np.uint64), strata, size, seed=1).chosen
    assert chosen.sum() == size
    shares = size * np.bincount(strata) / len(strata)
    assert (np.abs(np.bincount(strata[chosen], minlength=len(shares)) - shares) < 1).all()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.data())
def test_quotas_add_up_and_leave_no_stratum_out_where_every_one_is_asked_for(
    sizes: list[int], data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, sum(sizes)))
    shares = quotas(np.array(sizes), total, every=True)
    assert shares.sum() == total
    assert (shares <= sizes).all()
    if total >= sum(size > 0 for size in sizes):
        assert ((shares > 0) == (np.array(sizes) > 0)).all()


def test_a_rare_stratum_is_in_the_gold_draw_and_not_in_a_plain_one() -> None:
    groups, strata = np.arange(1000, dtype=np.uint64), np.array([1] * 2 + [0] * 998)
    assert strata[draw(groups, strata, 100, seed=0).chosen].sum() == 0
    assert strata[draw(groups, strata, 100, seed=0, every_stratum=True).chosen].sum() == 1


def test_barred_rows_are_companions_of_their_group_and_never_chosen() -> None:
    barred = np.array([False, False, True, False])
    drawn = draw(np.zeros(4, dtype=np.uint64), np.zeros(4, dtype=np.int64), 3, seed=0, barred=barred)
    assert drawn.chosen.tolist() == [True, True, False, True]
    assert drawn.companions.tolist() == [False, False, True, False]


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(UserError, match="only 1 can be"):
        draw(np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.int64), 2, seed=0)
