"""Repair: misread letters come back, and nothing that was right is changed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.text.repair import normalised, without_mojibake


def misread(text: str) -> str:
    """UTF-8 read as Windows-1252, as careless programs do; bytes without a letter pass."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "café",
        "na\u00efve \u2013 \u201cquoted\u201d",
        "5 €",
        "Straße",
        "Ελλάδα",
        "привет",
        "dass\u2019s",
        "señor 😀",
        "smile 😀",
    ],
)
def test_misread_letters_come_back(text: str) -> None:
    assert misread(text) != text
    assert without_mojibake(misread(text)) == text
    assert without_mojibake(misread(misread(text))) == text


@given(st.text(st.characters(codec="latin-1", categories=("L", "N", "P", "Z")), max_size=40))
def test_what_one_misreading_gives_is_undone_or_left_alone(text: str) -> None:
    assert without_mojibake(misread(text)) in {text, misread(text)} or without_mojibake(text) != text


@pytest.mark.parametrize(
    "text",
    [
        "À la carte: “Ça va ?” \u2013 «Â»",
        "„Ä“ und „Ö“",
        "“MAÇÔ",
        "SÃO PAULO",
        "Ärger über Öl",
        "Ñandú",
        "plain",
        "Ελληνικά",
        "Ð is eth",
    ],
)
def test_text_that_was_right_stays(text: str) -> None:
    assert without_mojibake(text) == text


@given(st.text(max_size=60))
def test_normal_text_is_composed_stripped_without_control_characters_and_stays_so(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert once == once.strip()
    assert not any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in once)
