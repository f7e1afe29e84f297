"""Every quality figure that gets worse is named, and figures that stay are not."""

import pytest

from luthier.data.card import DataCard, Lengths
from luthier.data.regressions import regressions


def card(**changed: object) -> DataCard:
    told: dict[str, object] = {
        "project": "p", "snapshot": "s", "gold": "g", "rows_in": 10_000, "splits": {"train": 8_000, "test": 1_000},
        "strata": {"kind=a": {"train": 7_000, "test": 800}, "kind=b": {"train": 1_000, "test": 200}},
        "preferences": {"pairs": {"train": 1_000}},
        "lengths": (Lengths(split="train", part="answer", median=100, p95=300, longest=900),),
        "masked": {"EMAIL_ADDRESS": 2_000}, "checked": 256, "left": {}, "languages": {"en": 250, "unknown": 6},
        "dropped": {"exact_duplicate": 500, "contradiction": 100, "too_long": 400},
        "pii": "masked", "sources": (),
    }  # fmt: skip
    return DataCard.model_validate(told | changed)


def test_the_same_figures_are_no_regression() -> None:
    assert list(regressions(card(), card())) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"strata": {"kind=a": {"train": 9_000}}}, "no row of kind=b is left of 1200"),
        ({"strata": {"kind=a": {"train": 8_500}, "kind=b": {"train": 500}}},
         "rows of kind=b went from 13.33% to 5.56%"),
        ({"rows_in": 20_000}, "rows kept went from 100.00% to 50.00%"),
        ({"dropped": {"exact_duplicate": 900, "near_duplicate": 900}}, "duplicates went from 5.00% to 18.00%"),
        ({"dropped": {"contradiction": 400}}, "contradicting rows went from 1.00% to 4.00%"),
        ({"dropped": {"too_long": 900}}, "rows left out as too_long went from 4.00% to 9.00%"),
        ({"masked": {"EMAIL_ADDRESS": 40}}, "EMAIL_ADDRESS spans went from 20.00% to 0.40%"),
        ({"preferences": {"pairs": {"train": 300}}}, "preferences went from 10.00% to 3.00%"),
        ({"masked": {}}, "EMAIL_ADDRESS spans went from 20.00% to 0.00%"),
        ({"left": {"US_SSN": 60}}, "personal data left after masking went from 0.00% to 23.44%"),
        ({"languages": {"en": 100, "unknown": 156}}, "rows in language 'en' went from 97.66% to 39.06%"),
        ({"lengths": (Lengths(split="train", part="answer", median=60, p95=90, longest=99),)},
         "the median answer of train went from 100 to 60 characters"),
    ],
)  # fmt: skip
def test_a_figure_that_got_worse_is_named(changed: dict[str, object], named: str) -> None:
    assert [told for told in regressions(card(), card(**changed)) if told.startswith(named)]


def test_less_data_of_the_same_kind_is_no_regression() -> None:
    halved = {
        "preferences": {"pairs": {"train": 500}},
        "rows_in": 5_000, "splits": {"train": 4_000, "test": 500}, "masked": {"EMAIL_ADDRESS": 1_000},
        "strata": {"kind=a": {"train": 3_500, "test": 400}, "kind=b": {"train": 500, "test": 100}},
        "dropped": {"exact_duplicate": 250, "contradiction": 50, "too_long": 200},
    }  # fmt: skip
    assert list(regressions(card(), card(**halved))) == []


def test_better_figures_are_not_named() -> None:
    assert list(regressions(card(), card(dropped={}, languages={"en": 256}))) == []
