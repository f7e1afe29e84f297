"""Folding a column is folding each of its texts."""

import sys
import unicodedata
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.text.alphabet import FOLDED_TO
from luthier.text.folding import folded
from luthier.text.normalise import fold

TRICKY = "aZ \t\n\x1c\u00a0\u200b\u00ad\u0301\u0323e\uff21\ufb03\u0410\u03a3\u00df\u0130" + (
    "\u1100\u1161\u11a8\ud55c\u2028\u00a8\ufdfa\U0001f600"
)
texts = st.lists(st.one_of(st.text(), st.text(alphabet=TRICKY), st.none()), max_size=8)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_every_text_folds_as_it_does_alone(column: list[str | None]) -> None:
    assert folded(pa.array(column, pa.string())).to_pylist() == [fold(text or "") for text in column]


@given(texts, st.integers(0, 4), st.integers(0, 4))
@settings(deadline=None)
def test_a_slice_folds_as_its_rows_do(column: list[str | None], start: int, length: int) -> None:
    whole = pa.array(column, pa.large_string())
    assert folded(whole.slice(start, length)).to_pylist() == folded(whole).to_pylist()[start : start + length]


def test_every_character_folds_between_letters_as_normalise_folds_it() -> None:
    codes = [*range(FOLDED_TO), *range(FOLDED_TO, sys.maxunicode + 1, 97)]
    chars = [chr(code) for code in codes if not 0xD800 <= code <= 0xDFFF]
    alone = [f"a{char}" + " " * (place % 2) + "b" for place, char in enumerate(chars)]
    assert folded(pa.array(alone)).to_pylist() == [fold(text) for text in alone]


def test_only_marks_and_hangul_letters_join_with_a_character_before_them() -> None:
    decomposed = (unicodedata.decomposition(chr(code)) for code in range(sys.maxunicode + 1))
    seconds = {chr(int(d.split()[1], 16)) for d in decomposed if d and "<" not in d and " " in d}
    assert len(seconds) > 50
    assert all(unicodedata.category(char).startswith("M") for char in seconds)
    assert unicodedata.normalize("NFC", "\u1100\u1161\u11a8") == "\uac01"
    assert all(unicodedata.normalize("NFKC", a + b) == a + b for a, b in pairwise("abc\u00e9\u4e2d\u03b1\u0416"))


def test_bytes_that_are_no_utf8_are_refused_and_not_read_past() -> None:
    for broken in (b"abc\xf0\x9f", b"\xff\xfe", b"\x80", b"\xc3(", b"\xf7\xbf\xbf\xbf"):
        offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in (0, len(broken))))
        column = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(broken))
        with pytest.raises(UnicodeDecodeError):
            folded(column)


def test_no_rows_fold_to_no_rows() -> None:
    assert folded(pa.array([], pa.string())).to_pylist() == []
