"""Laws of the draw: complete, disjoint, whole groups, the same for the same seed, strata within rounding."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.split import draw
from luthier.domain.examples import Example, Message
from luthier.errors import UserError

ASKED = (Message(role="user", content="q"), Message(role="assistant", content="a"))


@st.composite
def populations(draw_one: st.DrawFn) -> list[Example]:
    kinds = draw_one(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 8)), min_size=2, max_size=60))
    grouped = draw_one(st.booleans())
    return [
        Example(id=f"r{i}", messages=ASKED, strata={"kind": kind}, group=f"g{group}" if grouped else None)
        for i, (kind, group) in enumerate(kinds)
    ]


@given(populations(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_draw_takes_whole_groups_at_least_the_size_and_nothing_twice(
    rows: list[Example], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(rows)))
    chosen = {row.id for row in draw(rows, size, stratify_by=["kind"], seed=3).chosen}
    assert size <= len(chosen) <= len(rows)
    inside = {row.group for row in rows if row.id in chosen and row.group}
    outside = {row.group for row in rows if row.id not in chosen and row.group}
    assert not inside & outside


@given(populations(), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_same_seed_draws_the_same_rows_in_any_order_of_the_source(rows: list[Example], seed: int) -> None:
    size = len(rows) // 2
    once = {row.id for row in draw(rows, size, seed=seed).chosen}
    assert {row.id for row in draw(rows[::-1], size, seed=seed).chosen} == once


@given(populations(), st.data())
@settings(max_examples=60, deadline=None)
def test_without_groups_every_stratum_has_its_share_within_one_row(rows: list[Example], data: st.DataObject) -> None:
    rows = [row.model_copy(update={"group": None}) for row in rows]
    size = data.draw(st.integers(1, len(rows)))
    chosen = draw(rows, size, stratify_by=["kind"], seed=1).chosen
    assert len(chosen) == size
    all_of, drawn = Counter(row.strata["kind"] for row in rows), Counter(row.strata["kind"] for row in chosen)
    assert all(abs(drawn[kind] - size * count / len(rows)) < 1 for kind, count in all_of.items())


def test_barred_rows_are_companions_of_their_group_and_never_chosen() -> None:
    rows = [Example(id=f"r{i}", messages=ASKED, group="g") for i in range(4)]
    drawn = draw(rows, 3, seed=0, barred={"r2"})
    assert {row.id for row in drawn.chosen} == {"r0", "r1", "r3"}
    assert [row.id for row in drawn.companions] == ["r2"]


def test_too_few_rows_and_unknown_tags_are_refused() -> None:
    rows = [Example(id="r", messages=ASKED, strata={"kind": "x"})]
    with pytest.raises(UserError, match="only 1 can be"):
        draw(rows, 2, seed=0)
    with pytest.raises(UserError, match="'colour'"):
        draw(rows, 1, stratify_by=["colour"], seed=0)
