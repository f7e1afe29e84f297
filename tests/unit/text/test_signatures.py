"""Signatures and keys: as likely equal as the sets are alike."""

from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.text.folding import folded
from luthier.text.shingling import LONG, SHORT, Sets, shingle_sets
from luthier.text.signatures import Bands, band_keys, near_keys, signatures


def sets_of_jaccard(shared: int, apart: int, pairs: int, seed: int) -> Sets:
    """Pairs of neighbouring rows that share `shared` hashes, each with `apart` of its own."""
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = rng.integers(0, 2**64, size=(pairs, shared + 2 * apart), dtype=np.uint64)
    rows = [
        np.sort(part) for row in drawn for part in (row[: shared + apart], np.r_[row[:shared], row[shared + apart :]])
    ]
    return Sets(np.arange(2 * pairs + 1) * (shared + apart), np.concatenate(rows))


@pytest.mark.parametrize(("shared", "apart"), [(85, 10), (17, 2), (50, 25), (10, 20)])
def test_equal_hashes_are_as_frequent_as_the_jaccard(shared: int, apart: int) -> None:
    found = signatures(sets_of_jaccard(shared, apart, 400, seed=shared))
    true = shared / (shared + 2 * apart)
    spread = (true * (1 - true) / (400 * 128)) ** 0.5  # of 51,200 comparisons, were all independent
    assert abs((found[::2] == found[1::2]).mean() - true) < 5 * spread


def test_pairs_at_the_threshold_share_a_key_as_often_as_stated() -> None:
    bands = Bands.for_threshold(0.85)
    keys = band_keys(signatures(sets_of_jaccard(340, 30, 2_000, seed=1), bands.count * bands.rows), bands)
    missed = 2_000 - int((keys[::2] == keys[1::2]).any(axis=1).sum())
    assert 340 / 400 == 0.85
    assert missed <= 10  # 2 expected; more than 10 has a chance of 1 in 100,000


def test_the_fewest_candidates_are_taken_that_keep_the_promise() -> None:
    assert Bands.for_threshold(0.85) == Bands(count=18, rows=7)
    assert Bands.for_threshold(0.7) == Bands(count=32, rows=4)
    assert Bands(count=16, rows=8).chance(0.85) < 0.998 < Bands(count=18, rows=7).chance(0.85)
    assert Bands.for_threshold(0.01) == Bands(count=128, rows=1)
    assert Bands.for_threshold(1.0) == Bands(count=1, rows=128)


@given(st.lists(st.text(alphabet="ab \u00e9", max_size=60), max_size=6), st.integers(1, 3))
@settings(deadline=None)
def test_keys_do_not_depend_on_the_batch(texts: list[str], size: int) -> None:
    plain, bands = folded(pa.array(texts, pa.string())), Bands(4, 2)
    whole = near_keys(plain, SHORT, bands)
    for start in range(0, len(texts), size):
        assert (near_keys(plain.slice(start, size), SHORT, bands) == whole[start : start + size]).all()


def test_keys_of_a_set_and_of_its_bag_are_the_same() -> None:
    rng = Random(3)
    texts = pa.array([" ".join(rng.choices("abc", k=30)) for _ in range(20)])
    bands = Bands(8, 3)
    assert (near_keys(texts, LONG, bands) == band_keys(signatures(shingle_sets(texts, LONG), 24), bands)).all()


def test_a_row_without_words_has_no_key() -> None:
    keys = near_keys(pa.array(["?!", "word"]), SHORT, Bands(4, 2))
    assert (keys[0] == 0).all()
    assert (keys[1] != 0).all()


def test_signatures_that_do_not_fit_the_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="128 hashes cannot be cut into 18 x 7"):
        band_keys(np.zeros((1, 128), dtype=np.uint32), Bands(18, 7))
