"""Parameters from config.json alone, against published counts and against what transformers and peft really build."""

import warnings
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from luthier.errors import Faults, UserError
from luthier.train.plan.shapes import FAMILIES, ModelShape
from luthier.train.plan.tuning import Kind, Tuning, trainable_parameters
from tests.unit.train.plan import shapes


def _tuning(kind: Kind, **changes: Any) -> Tuning:
    rank = None if kind == "none" else 8
    return Tuning.model_validate({"kind": kind, "rank": rank, "tokens_at_once": 256, "row_tokens": 64} | changes)


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (shapes.LLAMA_8B, 8_030_261_248),
        (shapes.LLAMA_70B, 70_553_706_496),
        (shapes.MISTRAL_7B, 7_241_732_096),
        (shapes.QWEN25_7B, 7_615_616_512),
        (shapes.GEMMA_2B, 2_506_172_416),
        (shapes.GEMMA2_9B, 9_241_705_984),
    ],
    ids=["llama-3.1-8b", "llama-3.1-70b", "mistral-7b", "qwen2.5-7b", "gemma-2b", "gemma-2-9b"],
)
def test_a_config_alone_gives_the_count_on_the_models_page(config: dict[str, object], published: int) -> None:
    assert ModelShape.of_config(config).total_parameters == published


def test_rank_16_on_all_matrices_of_llama_8b_is_as_worked_out_by_hand() -> None:
    # q, o: 4096 + 4096; k, v: 4096 + 1024; gate, up, down: 4096 + 14336
    by_hand = 32 * 16 * (2 * 8192 + 2 * 5120 + 3 * 18432)
    found = trainable_parameters(ModelShape.of_config(shapes.LLAMA_8B), _tuning("lora", rank=16))
    assert found == by_hand == 41_943_040


def _built(family: str, **changes: object) -> tuple[dict[str, object], Any]:
    config = AutoConfig.for_model(family, **(shapes.TINY | changes))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return config.to_dict(), model


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [True, False])
def test_every_family_counts_what_transformers_builds(family: str, tied: bool) -> None:
    config, model = _built(family, tie_word_embeddings=tied)
    built = sum(parameter.numel() for parameter in {id(p): p for p in model.parameters()}.values())
    assert ModelShape.of_config(config).total_parameters == built


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["lora", "dora"])
@pytest.mark.parametrize("layers", ["all-linear", ("q_proj", "down_proj")])
def test_every_family_trains_what_peft_trains(family: str, kind: Kind, layers: str | tuple[str, ...]) -> None:
    config, model = _built(family)
    chosen = layers if isinstance(layers, str) else list(layers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a property under its old name
        adapted = get_peft_model(
            model, LoraConfig(r=8, use_dora=kind == "dora", target_modules=chosen, task_type="CAUSAL_LM"),
            low_cpu_mem_usage=True,
        )  # fmt: skip
    built = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    assert trainable_parameters(ModelShape.of_config(config), _tuning(kind, layers=layers)) == built


def test_biases_are_counted_where_a_config_asks_for_them() -> None:
    config, model = _built("llama", attention_bias=True, mlp_bias=True)
    assert ModelShape.of_config(config).total_parameters == sum(p.numel() for p in model.parameters())


def test_full_fine_tuning_trains_every_parameter() -> None:
    shape = ModelShape.of_config(shapes.GEMMA_2B)
    assert trainable_parameters(shape, _tuning("none")) == shape.total_parameters


def test_a_family_that_is_not_known_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(UserError, match="'mixtral'") as refused:
        ModelShape.of_config({"model_type": "mixtral"})
    assert "llama" in refused.value.hint


def test_a_config_without_its_sizes_tells_all_that_are_missing() -> None:
    with pytest.raises(Faults, match="hidden_size") as refused:
        ModelShape.of_config({"model_type": "llama", "vocab_size": 10})
    assert len(refused.value.faults) == 4


def test_a_layer_that_is_not_there_is_refused_by_name() -> None:
    shape = ModelShape.of_config(shapes.LLAMA_8B)
    with pytest.raises(UserError, match="'query'"):
        trainable_parameters(shape, _tuning("lora", layers=("query",)))
