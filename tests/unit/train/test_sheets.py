from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from luthier.train.backends.attention import attends
from luthier.train.backends.encode import Encoded
from luthier.train.backends.scoring import score
from luthier.train.backends.sheets import common_start, forest, lay_out
from tests.unit.train.benches import log_prob
from tests.unit.train.tiny import FAMILIES, make_base

CPU = torch.device("cpu")
few_tokens = st.lists(st.integers(1, 3), min_size=1, max_size=12)
rows_of_tokens = st.lists(few_tokens, min_size=1, max_size=9)


def _arrays(rows: list[list[int]]) -> list[Any]:
    return [np.array(row, dtype=np.int64) for row in rows]


def _text(tokens: list[int], *, begin: int = 1) -> Encoded:
    return Encoded(str(tokens), tuple(tokens), tuple(at >= begin for at in range(len(tokens))))


@given(rows_of_tokens, st.sampled_from([1, 2, 5, 24]))
def test_every_row_is_read_along_its_path_and_places_are_never_shared_by_two_pieces(
    rows: list[list[int]], least: int
) -> None:
    pieces, leaves = forest(_arrays(rows), least)
    tokens = np.concatenate([piece.tokens for piece in pieces])
    for row, leaf in zip(rows, leaves, strict=True):
        assert list(tokens[leaf.seen]) == row
        assert leaf.depth + len(leaf.tokens) == len(row)
    places = [place for piece in pieces for place in range(piece.start, piece.stop)]
    assert places == list(range(len(tokens)))


@given(rows_of_tokens, st.sampled_from([1, 2, 5, 24]))
def test_sharing_never_adds_a_token_and_a_shared_beginning_saves_what_it_must(
    rows: list[list[int]], least: int
) -> None:
    pieces, _ = forest(_arrays(rows), least)
    assert sum(len(piece.tokens) for piece in pieces) <= sum(map(len, rows))
    parents = {id(one.path[-1]): one.path[-1] for one in pieces if one.path}
    for parent in parents.values():
        readers = sum(any(before is parent for before in piece.path) for piece in pieces)
        ends_here = sum(list(row) == list(_path_tokens(parent)) for row in rows)
        assert (readers + ends_here - 1) * len(parent.tokens) > 0


def _path_tokens(piece: Any) -> Any:
    return np.concatenate([one.tokens for one in (*piece.path, piece)])


@given(rows_of_tokens)
def test_with_the_least_bar_of_one_every_common_beginning_stands_once(rows: list[list[int]]) -> None:
    pieces, _ = forest(_arrays(rows), 1)
    beginnings = {tuple(row[: at + 1]) for row in rows for at in range(len(row))}
    assert sum(len(piece.tokens) for piece in pieces) == len(beginnings)  # the nodes of a prefix tree


@given(rows_of_tokens)
def test_without_sharing_every_row_stands_alone(rows: list[list[int]]) -> None:
    pieces, _ = forest(_arrays(rows), None)
    assert sorted(list(piece.tokens) for piece in pieces) == sorted(rows)
    assert not any(piece.path for piece in pieces)


@given(few_tokens, few_tokens)
def test_the_common_start_is_the_longest_there_is(one: list[int], other: list[int]) -> None:
    shared = common_start(*_arrays([one, other]))
    assert one[:shared] == other[:shared]
    assert one[: shared + 1] != other[: shared + 1] or shared == min(len(one), len(other))


@given(rows_of_tokens.map(lambda rows: [row * 2 for row in rows]))
def test_each_target_is_predicted_from_the_token_before_it(rows: list[list[int]]) -> None:
    sheet = lay_out([_text(row) for row in rows], CPU)
    assert len(sheet.wanted) == sum(len(row) - 1 for row in rows)
    flat = sheet.tokens[0]
    at = 0
    for index, row in enumerate(rows):
        for position in range(1, len(row)):
            assert sheet.row[at] == index
            assert sheet.wanted[at] == row[position]
            before = sheet.picks[sheet.of_pick[at]]
            assert flat[before] == row[position - 1]
            assert sheet.positions[0, before] == position - 1
            at += 1


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp(request.param)
    make_base(folder, family=request.param)
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()


def _mixed_rows() -> list[Encoded]:
    """Some alone, some with a common beginning within a common beginning, one of them another's beginning."""
    draws = np.random.default_rng(3)

    def more(count: int) -> list[int]:
        return draws.integers(3, 300, count).tolist()  # type: ignore[no-any-return]

    system = more(30)
    asked = system + more(20)
    rows = [
        more(3),
        more(41),
        more(17),
        *(system + more(n) for n in (4, 9)),
        *(asked + more(n) for n in (2, 11, 25)),
        asked,
    ]
    return [_text(row, begin=len(row) // 2) for row in rows]


@pytest.mark.parametrize("shares", [True, False])
def test_packed_equals_unpacked_with_its_gradients_on_every_family(model: Any, shares: bool) -> None:
    rows = _mixed_rows()
    weights = list(model.parameters())
    model.set_attn_implementation("eager")
    apart = torch.stack([log_prob(model, row) for row in rows])
    expected = torch.autograd.grad(apart.sum(), weights, allow_unused=True)

    assert attends(model)
    sheet = lay_out(rows, CPU, shares=shares)
    assert (sheet.tokens.shape[1] < sum(len(row.tokens) for row in rows)) == shares
    logits = model(input_ids=sheet.tokens, position_ids=sheet.positions, use_cache=False, sheet=sheet).logits[0]
    found = torch.log_softmax(logits, dim=-1)[sheet.picks[sheet.of_pick], sheet.wanted]
    together = torch.zeros(len(rows)).index_add(0, sheet.row, found)
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-4)
    for got, wanted in zip(torch.autograd.grad(together.sum(), weights, allow_unused=True), expected, strict=True):
        if wanted is not None:
            torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_a_model_whose_attention_does_more_than_ours_keeps_its_own() -> None:
    from transformers import GptOssConfig, GptOssForCausalLM  # noqa: PLC0415

    shape = GptOssConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        intermediate_size=32, num_local_experts=2, num_experts_per_tok=1, max_position_embeddings=128,
    )  # fmt: skip
    with_sinks = GptOssForCausalLM(shape)
    before = with_sinks.config._attn_implementation
    assert not attends(with_sinks)
    assert with_sinks.config._attn_implementation == before


@settings(max_examples=10, deadline=None)
@given(at=st.integers(0, 2), token=st.integers(3, 300))
def test_what_one_row_says_changes_nothing_for_the_others(model: Any, at: int, token: int) -> None:
    rows = _mixed_rows()[:3]
    assert attends(model)
    before = _sums(model, rows)
    changed = [*rows]
    changed[at] = _text([token, *rows[at].tokens[1:]], begin=len(rows[at].tokens) // 2)
    after = _sums(model, changed)
    others = [place for place in range(3) if place != at]
    torch.testing.assert_close(after[others], before[others], rtol=0, atol=1e-5)


def _sums(model: Any, rows: list[Encoded]) -> torch.Tensor:
    from luthier.train.backends.base_model import choose_machine  # noqa: PLC0415
    from luthier.train.config import TrainConfig  # noqa: PLC0415

    with torch.no_grad():
        return score(model, rows, choose_machine(TrainConfig()), reads_sheets=True).sums
