"""Remembered vectors: each text is encoded once, also by the process after the one that was killed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.text.encoding import Floats, Remembered


class Lengths:
    """An encoder that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        return np.array([[len(text), len(set(text)), 1] for text in texts], dtype=np.float32)


def test_a_text_is_encoded_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    encode = Lengths()
    remembered = Remembered(encode, tmp_path / "f")
    first = remembered(["aa", "b", "aa"])
    again = remembered(["b", "ccc", "aa"])
    assert sorted(encode.asked) == ["aa", "b", "ccc"]
    assert first.tolist() == [[2, 1, 1], [1, 1, 1], [2, 1, 1]]
    assert again.tolist() == [[1, 1, 1], [3, 1, 1], [2, 1, 1]]


@pytest.mark.parametrize("cut", [0, 1, 9, 21])
def test_a_file_cut_at_any_byte_is_gone_on_with(tmp_path: Path, cut: int) -> None:
    Remembered(Lengths(), tmp_path / "f")(["aa", "b"])
    data = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(data[: len(data) - cut])
    encode = Lengths()
    assert Remembered(encode, tmp_path / "f")(["b", "aa"]).tolist() == [[1, 1, 1], [2, 1, 1]]
    assert encode.asked == ([] if cut == 0 else ["b"])


def test_a_file_of_no_use_and_no_texts_at_all_give_no_fault(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\1")
    remembered = Remembered(Lengths(), tmp_path / "f")
    assert len(remembered([])) == 0
    assert remembered(["a"]).tolist() == [[1, 1, 1]]


@given(st.lists(st.lists(st.text(max_size=3), max_size=6), max_size=5))
def test_vectors_do_not_depend_on_how_texts_were_asked_for(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[str]]
) -> None:
    remembered = Remembered(Lengths(), tmp_path_factory.mktemp("f") / "f")
    for part in parts:
        assert remembered(part).tolist() == (Lengths()(part).tolist() if part else [])
