"""Vectors: like meanings are close, shared names too, and lengths are 1 or 0."""

import numpy as np
import pyarrow as pa
import pytest

from luthier.text.embeddings import Counts, vectors_of, word_vectors
from luthier.text.tokens import tokens_of

FILLER = [f"some row about thing {n}" for n in range(50)]


def vectors(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    tokens = tokens_of(pa.array([*texts, *FILLER]))
    meanings, sketches = vectors_of(tokens, Counts.of([tokens]))
    return meanings[: len(texts)], sketches[: len(texts)]


def test_synonyms_are_closer_than_strangers_though_they_share_no_letter() -> None:
    meanings, _ = vectors("buy", "purchase", "giraffe")
    assert meanings[0] @ meanings[1] > 0.5 > meanings[0] @ meanings[2]


def test_names_that_no_list_knows_are_close_by_their_letters() -> None:
    meanings, sketches = vectors("Xyqwortz", "xyqwortz", "Blufzkan")
    assert not meanings.any()
    assert sketches[0] @ sketches[1] == pytest.approx(1)
    assert abs(sketches[0] @ sketches[2]) < 0.8


def test_every_line_has_length_1_or_0() -> None:
    for lines in vectors("pay my bill", "", "Xyqwortz"):
        assert np.all(np.isclose(np.linalg.norm(lines, axis=1), 1, atol=1e-5) | ~lines.any(axis=1))


def test_a_rarer_word_weighs_more_and_an_unseen_one_most() -> None:
    tokens = tokens_of(pa.array(["card lost", "card late"]))
    counts = Counts.of([tokens])
    card, lost = (counts.weight(int(word)) for word in tokens.words[:2])
    assert (card, lost) == (pytest.approx(np.log1p(1)), pytest.approx(np.log1p(2)))
    assert counts.weight(None) == pytest.approx(np.log1p(2))


def test_the_shipped_words_and_vectors_belong_together() -> None:
    known = word_vectors()
    assert len(known.place) == len(known.vectors) == 32_000
    length = np.linalg.norm(known.vectors.astype(np.float32), axis=1)
    assert length.mean() == pytest.approx(127, rel=0.01)
