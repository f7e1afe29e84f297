"""The prefilter rules out nothing that is there, and no text takes for ever."""

import time

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luthier.text.pii import find_pii, pii_recognisers
from luthier.text.pii.batch import find_pii_batch
from tests.unit.text.test_pii import FOUND, LEFT
from tests.unit.text.test_pii_identifiers import RIGHT

PIECES = [
    *FOUND, *LEFT, *RIGHT.values(), "born ", "f\u00f8dt 3/80", "\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    "tel ", "@", ".com", "\u200b",
    "bc1", "+44 20 ", "0x52908400098527886E0F7030069857D2E4169EE7", "00:1B:44:11:3A:B7",
    "ap\u0131 key: ab12cd!", " ", "\n", "www.",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=5).map("".join)


@settings(deadline=None, max_examples=60)
@given(st.lists(texts, max_size=6))
@example(["", "a@b.de"])
def test_many_texts_at_once_hold_what_each_holds_alone(many: list[str]) -> None:
    assert find_pii_batch(many) == [find_pii(text) for text in many]


def test_an_arrow_column_is_read_as_a_list_is() -> None:
    column = pa.array(list(FOUND), type=pa.string())
    assert find_pii_batch(column) == [find_pii(text) for text in FOUND]


EVIL = [
    "a", "1", "a.", "1.", "1 ", "1-", "@", "a@", "a@a.", "'a", "[at]", "a [at] ", ":", "f:", "www.", "http://",
    "DE89 ", "4 ",
    "eyJ-", "eyJa.", "-----BEGIN PRIVATE KEY-----", "password ",
    "token:\u00a0", "key=", "ab-", "(1)", "+1 ", ".com", "a.com/",
    "Jan 1 ",
    "1/1/", "\u200b1", "\u0430", "AB12", "0x", "sk-", "a/", "_",
]  # fmt: skip


def seconds(recognise: object, text: str) -> float:
    started = time.process_time()
    for _ in recognise(text):  # type: ignore[operator]
        pass
    return time.process_time() - started


@pytest.mark.parametrize("piece", EVIL)
def test_no_recogniser_needs_more_than_in_proportion_to_the_length(piece: str) -> None:
    """A pattern that looks back over the whole text takes four times as long for twice the text: minutes here."""
    text = (piece * 100_000)[:100_000]
    slow = {name: spent for name in pii_recognisers if (spent := seconds(pii_recognisers.get(name), text)) > 3}
    assert slow == {}
