"""Memory by component: figures by hand, what autograd really keeps, and the cards that are known to hold a run."""

import warnings
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from luthier.train.plan.memory import GIB, activation_bytes, memory_need
from luthier.train.plan.shapes import ModelShape
from luthier.train.plan.tuning import Kind, Precision, Tuning
from tests.unit.train.plan import shapes

ROWS, LENGTH = 4, 64


def _tuning(kind: Kind, **changes: Any) -> Tuning:
    rank = None if kind == "none" else 16
    return Tuning.model_validate({"kind": kind, "rank": rank, "tokens_at_once": 512, "row_tokens": 512} | changes)


def test_weights_of_70b_in_four_bits_are_as_worked_out_by_hand() -> None:
    # 80 layers of 855,638,016 packed weights at 0.5 + 1/64 + 1/4096 bytes; the rest, 2,102,665,216, at 2 bytes
    packed = 80 * 855_638_016
    by_hand = packed * (0.5 + 1 / 64 + 1 / 4096) + (70_553_706_496 - packed) * 2
    need = memory_need(ModelShape.of_config(shapes.LLAMA_70B), _tuning("qlora"))
    assert need.weights == pytest.approx(by_hand, abs=1)
    assert need.weights / GIB == pytest.approx(36.8, abs=0.05)


def test_adapter_gradients_and_moments_of_8b_are_as_worked_out_by_hand() -> None:
    need = memory_need(ModelShape.of_config(shapes.LLAMA_8B), _tuning("lora"))
    trained = 41_943_040
    assert (need.adapter, need.gradients, need.optimizer) == (trained * 6, trained * 8, trained * 8)
    assert need.weights == 8_030_261_248 * 2


def test_70b_with_qlora_fits_one_card_of_48_gb() -> None:
    need = memory_need(ModelShape.of_config(shapes.LLAMA_70B), _tuning("qlora", is_checkpointed=True))
    assert need.total < 44.99 * GIB


def test_70b_with_lora_in_half_precision_does_not_fit_one_card_of_80_gb() -> None:
    need = memory_need(ModelShape.of_config(shapes.LLAMA_70B), _tuning("lora", is_checkpointed=True))
    assert need.weights > 80 * GIB


def test_all_weights_of_70b_do_not_fit_eight_cards_of_80_gb() -> None:
    tuning = _tuning("none", is_checkpointed=True, devices=8, is_sharded=True)
    need = memory_need(ModelShape.of_config(shapes.LLAMA_70B), tuning)
    # float weights, moments and one gradient alone are 16 bytes each: 131 GiB of every card
    assert need.total > 70_553_706_496 * 16 / 8 > 80 * GIB


def test_8b_with_lora_and_packed_rows_of_4096_fits_one_card_of_80_gb() -> None:
    tuning = _tuning("lora", tokens_at_once=4096, row_tokens=4096)
    assert memory_need(ModelShape.of_config(shapes.LLAMA_8B), tuning).total < 79.65 * GIB


def _kept(family: str, layers: int, kind: Kind, precision: Precision, length: int) -> int:
    """Bytes that autograd keeps of one forward pass beside the parameters themselves."""
    settings = shapes.TINY | {"num_hidden_layers": layers}
    config = AutoConfig.for_model(family, **settings)
    frozen = torch.bfloat16 if precision == "bf16" and kind != "none" else torch.float32
    model = AutoModelForCausalLM.from_config(config, dtype=frozen)
    if kind != "none":
        lora = LoraConfig(r=16, use_dora=kind == "dora", target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, lora)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    held: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        return tensor

    tokens = torch.randint(3, 512, (ROWS, length), generator=torch.Generator().manual_seed(0))
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"),
    ):
        model(input_ids=tokens, use_cache=False, logits_to_keep=1)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in held}
    return sum(size for pointer, size in storages.items() if pointer not in own)


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"])
@pytest.mark.parametrize(
    ("kind", "precision"), [("lora", "bf16"), ("lora", "fp32"), ("none", "bf16"), ("dora", "bf16")]
)
def test_activations_are_what_autograd_keeps(family: str, kind: Kind, precision: Precision) -> None:
    """The growth from 32 to 64 tokens per row, two layers less one: weights that autocast copies do not grow."""

    def growth(layers: int) -> int:
        short = _kept(family, layers, kind, precision, LENGTH // 2)
        return _kept(family, layers, kind, precision, LENGTH) - short

    def planned(length: int) -> int:
        config = AutoConfig.for_model(family, **(shapes.TINY | {"num_hidden_layers": 1})).to_dict()
        tuning = _tuning(kind, precision=precision, tokens_at_once=ROWS * length, row_tokens=length)
        return activation_bytes(ModelShape.of_config(config), tuning)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries say to each other on tiny models
        measured = growth(2) - growth(1)
    assert planned(LENGTH) - planned(LENGTH // 2) == pytest.approx(measured, rel=0.1)


sizes = st.builds(
    dict,
    kind=st.sampled_from(["lora", "dora", "qlora", "none"]),
    precision=st.sampled_from(["bf16", "fp32"]),
    tokens_at_once=st.integers(16, 65_536),
    row_tokens=st.integers(16, 8192),
    devices=st.integers(1, 16),
)


@given(sizes)
def test_more_tokens_never_need_less_and_checkpoints_and_shards_never_more(asked: dict[str, Any]) -> None:
    shape = ModelShape.of_config(shapes.LLAMA_8B)
    plain = _tuning(**asked)
    more = plain.model_copy(update={"tokens_at_once": plain.tokens_at_once * 2})
    checkpointed = plain.model_copy(update={"is_checkpointed": True})
    sharded = plain.model_copy(update={"is_sharded": True})
    need = memory_need(shape, plain)
    assert memory_need(shape, more).total > need.total
    assert memory_need(shape, checkpointed).total <= need.total
    assert memory_need(shape, sharded).weights <= need.weights
    assert need.total == sum(dict(need).values())
