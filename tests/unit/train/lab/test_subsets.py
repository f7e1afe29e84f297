import math

from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.examples import Example, Message
from luthier.train.lab.subsets import WHOLE, Subset


def rows(ids: list[str]) -> list[Example]:
    turns = (Message(role="user", content="q"), Message(role="assistant", content="a"))
    return [Example(id=id_, messages=turns) for id_ in ids]


ids = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=60, unique=True)
shares = st.floats(0.01, 1.0)


@given(ids, shares, shares, st.integers(0, 9))
def test_a_smaller_part_lies_in_a_larger_one_of_the_same_seed(
    names: list[str], one: float, other: float, seed: int
) -> None:
    low, high = sorted((one, other))
    given_rows = rows(names)
    small, large = (Subset(share=share, seed=seed).of(given_rows) for share in (low, high))
    assert {row.id for row in small} <= {row.id for row in large}


@given(ids, shares, st.integers(0, 9))
def test_a_part_has_its_share_of_the_rows_in_their_order(names: list[str], share: float, seed: int) -> None:
    given_rows = rows(names)
    part = Subset(share=share, seed=seed).of(given_rows)
    assert len(part) == max(1, math.ceil(share * len(names) - 1e-9))
    assert list(part) == [row for row in given_rows if row in part]


@given(st.lists(st.text(min_size=1, max_size=6), min_size=3, max_size=60, unique=True), st.integers(0, 9))
def test_a_row_that_is_withdrawn_changes_no_other_rows_place(names: list[str], seed: int) -> None:
    half = Subset(share=0.5, seed=seed)
    before, after = half.of(rows(names)), half.of(rows(names[1:]))
    assert len({row.id for row in before} - {row.id for row in after} - {names[0]}) <= 1


def test_another_seed_draws_other_rows_and_the_whole_is_the_rows_themselves() -> None:
    many = rows([str(number) for number in range(200)])
    assert Subset(share=0.5, seed=0).of(many) != Subset(share=0.5, seed=1).of(many)
    assert WHOLE.of(many) is many
