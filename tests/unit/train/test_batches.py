from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from luthier.train.batches import POOL_BATCHES, epoch_batches, micro_batches

lengths = st.lists(st.integers(1, 50), min_size=1, max_size=300)


@given(lengths, st.integers(1, 40), st.integers(0, 9), st.integers(0, 9))
def test_an_epoch_holds_every_row_once_in_batches_no_larger_than_asked(
    sizes: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    batches = epoch_batches(sizes, batch_size, seed=seed, epoch=epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(sizes)))
    assert max(map(len, batches)) <= batch_size
    assert len(batches) == -(-len(sizes) // batch_size)
    assert batches == epoch_batches(sizes, batch_size, seed=seed, epoch=epoch)


def test_two_epochs_and_two_seeds_order_the_rows_differently() -> None:
    sizes = list(range(1, 200))
    first = epoch_batches(sizes, 8, seed=1, epoch=0)
    assert first != epoch_batches(sizes, 8, seed=1, epoch=1)
    assert first != epoch_batches(sizes, 8, seed=2, epoch=0)


def test_rows_of_a_batch_are_neighbours_in_length() -> None:
    sizes = [1 + index % 97 for index in range(8 * POOL_BATCHES)]
    batches = epoch_batches(sizes, 8, seed=0, epoch=0)
    spans = sorted((min(sizes[i] for i in batch), max(sizes[i] for i in batch)) for batch in batches)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(lengths, st.integers(1, 120))
def test_micro_batches_hold_every_row_and_keep_to_their_tokens(sizes: list[int], tokens: int) -> None:
    parts = micro_batches(range(len(sizes)), sizes, tokens)
    assert sorted(index for part in parts for index in part) == list(range(len(sizes)))
    assert all(len(part) == 1 or sum(sizes[i] for i in part) <= tokens for part in parts)
