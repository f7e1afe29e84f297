"""The page of the data card: what its charts show, and that what is bad looks so."""

import re

from luthier.data.card import DataCard
from luthier.lifecycle.report.datacard import MOST_ROWS, card_page


def card(**more: object) -> DataCard:
    told: dict[str, object] = {
        "project": "p", "snapshot": "a" * 64, "gold": "b" * 64, "rows_in": 12, "splits": {"train": 9, "test": 2},
        "strata": {"kind=k0": {"train": 9, "test": 2}}, "lengths": (), "masked": {}, "dropped": {}, "pii": "masked",
        "sources": (), "checked": 11,
    }  # fmt: skip
    return DataCard.model_validate(told | more)


def test_a_stratum_names_the_rows_of_every_split_also_of_one_that_has_none() -> None:
    page = card_page(card())
    assert "11 (9 + 0 + 2)" in page
    assert "those of train + validation + test" in page


def test_what_a_cut_chart_leaves_out_is_the_smallest() -> None:
    many = {f"ENTITY_{number:02d}": number + 1 for number in range(MOST_ROWS + 5)}
    page = card_page(card(masked=many))
    assert "The 5 smallest are not drawn" in page
    assert [name in page for name in ("ENTITY_00", "ENTITY_04", "ENTITY_05", "ENTITY_44")] == [False, False, True, True]


def test_rows_left_out_and_personal_data_left_in_have_a_colour_of_their_own() -> None:
    page = card_page(card(dropped={"empty_answer": 1}, masked={"PERSON": 3}, left={"PERSON": 1}))
    assert page.count('class="bar worse"') == 4, "each of the two, wide and narrow"
    assert re.search(r"svg \.bar\.worse \{ fill: var\(--red\)", page)
