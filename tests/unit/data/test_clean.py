"""Cleaning: noise goes with its reason, text keeps its meaning."""

import pytest

from luthier.data.clean import clean
from luthier.domain.examples import Example, Message


def example(asked: str, ideal: str) -> Example:
    return Example(id="r", messages=(Message(role="user", content=asked), Message(role="assistant", content=ideal)))


@pytest.mark.parametrize(
    ("asked", "ideal", "reason"),
    [
        (" \u200b\n", "ho", "empty_question"),
        ("hi", "  ", "empty_answer"),
        ("caf\ufffd", "ho", "garbled"),
        ("the same long sentence, twice", "The same  long sentence, twice", "echo"),
        ("x" * 200_001, "ho", "too_long"),
    ],
)
def test_noise_is_left_out_with_its_reason(asked: str, ideal: str, reason: str) -> None:
    (dropped,) = clean([example(asked, ideal)]).dropped
    assert dropped.reason == reason


def test_text_is_tidied_without_losing_lines_or_letters() -> None:
    (kept,) = clean([example("  a\r\nb\x00\tcafe\u0301 ", "\u00fc")]).kept
    assert (kept.asked, kept.ideal) == ("a\nb\tcaf\u00e9", "\u00fc")
