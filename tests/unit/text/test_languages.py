"""Languages: told where they are sure, `unknown` where they are not."""

from pathlib import Path

import pytest

from luthier.text.languages import UNKNOWN, language_of, languages

# Article 1 of the Universal Declaration of Human Rights, the public translations of the United Nations.
TEXTS = (Path(__file__).parent / "article_1.txt").read_text(encoding="utf-8").splitlines()
ARTICLE_1 = dict(text.split(" ", 1) for text in TEXTS)


@pytest.mark.parametrize("language", ARTICLE_1)
def test_running_text_is_told(language: str) -> None:
    assert language in languages()
    assert language_of(ARTICLE_1[language]) == language


@pytest.mark.parametrize(
    "text",
    ["", "12345 678", "card_arrival", "OK", "Ada Lovelace, Paris", '{"name": "note"}', "lorem ipsum dolor sit amet"],
)
def test_what_could_be_any_language_is_unknown(text: str) -> None:
    assert language_of(text) == UNKNOWN


def test_two_languages_in_equal_shares_are_not_told_as_a_third() -> None:
    assert language_of(f"{ARTICLE_1['en']} {ARTICLE_1['de']}") in {"en", "de", UNKNOWN}


def test_a_very_long_text_is_told_by_its_start() -> None:
    assert language_of(ARTICLE_1["en"] * 20 + ARTICLE_1["de"] * 100_000) == "en"
