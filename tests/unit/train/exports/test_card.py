"""The card of an exported model."""

import yaml

from luthier.train.exports.card import model_card
from tests.unit.train.exports.made_up import RUN


def _card(form: str = "adapter") -> str:
    return model_card(RUN, name="crm-aaaa", base="tiny", form=form)


def test_the_front_matter_is_what_a_hub_reads() -> None:
    front = yaml.safe_load(_card().split("---")[1])
    assert front["base_model"] == "tiny"
    assert front["library_name"] == "peft"
    assert yaml.safe_load(_card("merged model").split("---")[1])["library_name"] == "transformers"


def test_every_figure_of_the_record_stands_on_the_card() -> None:
    card = _card()
    for said in ("b" * 64, "s" * 64, "a" * 64, "50,000 of 1,000,000 (5.00%)", "1,234 and 56,789", "3 too_long",
                 "46, validation loss 2.0400", "early stopping", "EUR 1.25, 3,601 s", "`adapter.rank`: 8"):  # fmt: skip
        assert said in card


def test_the_curve_is_thinned_and_keeps_its_first_and_last_point() -> None:
    rows = [line for line in _card().splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) <= 13
    assert rows[0] == "| 0 | - | 2.5000 |"
    assert rows[-1] == "| 48 | 1.5200 | 2.0200 |"
