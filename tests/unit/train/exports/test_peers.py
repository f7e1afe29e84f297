"""The same settings for other trainers, held against schemas written from their documentation."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from luthier.errors import Refused
from luthier.train.config import EarlyStoppingConfig, LoraConfig, TrainConfig
from luthier.train.exports.peers import (
    axolotl_settings,
    dataset_info,
    evaluations_per_epoch,
    llamafactory_settings,
    llamafactory_template,
    untold,
    warmup_steps,
)
from luthier.train.exports.rows import micro_batch, training_lines
from tests.unit.train.exports.made_up import TWO_TURNS

HERE = Path(__file__).parent
CONFIGS = [
    TrainConfig(),
    TrainConfig(adapter=LoraConfig(rank=4, layers=("q_proj", "v_proj")), optimizer="muon", scheduler="constant"),
    TrainConfig(early_stopping=None, loss_on="all_assistant_turns", precision="fp32", warmup_share=0),
]


def _valid(settings: Any, schema: str) -> None:
    jsonschema.validate(json.loads(json.dumps(settings)), json.loads((HERE / schema).read_text()))


@pytest.mark.parametrize("config", CONFIGS)
def test_axolotl_knows_every_key_and_value(config: TrainConfig) -> None:
    _valid(axolotl_settings(config, base="m", rows=64, longest=512, micro_batch=8), "axolotl.schema.json")


@pytest.mark.parametrize("config", CONFIGS)
def test_llamafactory_knows_every_key_and_value(config: TrainConfig) -> None:
    settings = llamafactory_settings(config, base="m", template="<|im_start|>", rows=64, longest=512, micro_batch=8)
    _valid(settings, "llamafactory.schema.json")


@pytest.mark.parametrize("schema", ["axolotl.schema.json", "llamafactory.schema.json"])
def test_the_schemas_refuse_a_key_that_is_misspelt(schema: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match="lora_rnk"):
        _valid({"lora_rnk": 8}, schema)


def test_both_hold_the_same_settings_as_the_project() -> None:
    config = TrainConfig(batch_size=24, epochs=3, learning_rate=1e-3, seed=5, adapter=LoraConfig(rank=4, alpha=12))
    theirs = axolotl_settings(config, base="m", rows=64, longest=300, micro_batch=8)
    others = llamafactory_settings(config, base="m", template="<|im_start|>", rows=64, longest=300, micro_batch=8)
    assert theirs["micro_batch_size"] == others["per_device_train_batch_size"] == 8
    assert theirs["gradient_accumulation_steps"] == others["gradient_accumulation_steps"] == 3
    assert (theirs["lora_r"], theirs["lora_alpha"]) == (others["lora_rank"], others["lora_alpha"]) == (4, 12)
    assert theirs["num_epochs"] == others["num_train_epochs"] == 3
    assert theirs["learning_rate"] == others["learning_rate"] == 1e-3
    assert theirs["seed"] == others["seed"] == 5
    assert theirs["early_stopping_patience"] == others["early_stopping_steps"] == 3
    assert theirs["evals_per_epoch"] == 2
    assert others["eval_steps"] == pytest.approx(1 / 6)  # two in each of three epochs


def test_rows_mark_the_turns_that_count() -> None:
    last = json.loads(next(iter(training_lines([TWO_TURNS], TrainConfig()))))
    every = json.loads(next(iter(training_lines([TWO_TURNS], TrainConfig(loss_on="all_assistant_turns")))))
    assert [turn["training"] for turn in last["messages"]] == [False, False, False, False, True]
    assert [turn["training"] for turn in every["messages"]] == [False, False, True, False, True]
    assert last["messages"][-1]["content"] == "Grüße"
    settings = llamafactory_settings(TrainConfig(), base="m", template="[INST]", rows=9, longest=9, micro_batch=1)
    assert settings["mask_history"] is True


def test_the_data_sets_named_in_the_settings_are_described() -> None:
    settings = llamafactory_settings(TrainConfig(), base="m", template="[INST]", rows=9, longest=9, micro_batch=1)
    assert {settings["dataset"], settings["eval_dataset"]} == dataset_info().keys()


def test_a_micro_batch_divides_the_batch_and_fits_its_longest_row() -> None:
    config = TrainConfig(batch_size=24, micro_batch_tokens=1000)
    assert micro_batch(config, [100, 40]) == 8  # ten fit, eight divide 24
    assert micro_batch(config, [5000]) == 1


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("<|start_header_id|>", "llama3"),
        ("<start_of_turn>", "gemma"),
        ("[INST] x", "mistral"),
        ("<|im_start|>", "chatml"),
    ],
)
def test_templates_are_known_by_their_marks(template: str, name: str) -> None:
    assert llamafactory_template(template) == name


def test_a_template_without_a_name_is_refused() -> None:
    with pytest.raises(Refused, match="chat template"):
        llamafactory_template("### Human:")


def test_what_cannot_be_said_is_told() -> None:
    config = TrainConfig(time_limit_seconds=60, early_stopping=EarlyStoppingConfig(min_delta=0.1))
    told = " ".join(untold(config))
    assert "time_limit_seconds" in told
    assert "min_delta" in told


def test_half_an_evaluation_per_epoch_is_one() -> None:
    assert evaluations_per_epoch(TrainConfig(evaluate_every_epochs=2)) == 1
    assert evaluations_per_epoch(TrainConfig(evaluate_every_epochs=0.25)) == 4


READ_ELSEWHERE = {
    "model_name_or_path", "stage", "finetuning_type", "dataset_dir", "dataset", "eval_dataset", "template",
    "cutoff_len", "mask_history", "packing", "use_muon", "early_stopping_steps",
}  # fmt: skip
"""LLaMA-Factory's own, beside LoRA's and quantization's: the schema says where each was read."""


def test_what_llamafactory_takes_from_transformers_is_an_argument_of_its_trainer() -> None:
    transformers = pytest.importorskip("transformers")
    known = {field.name for field in dataclasses.fields(transformers.TrainingArguments)}
    given = {
        name
        for config in CONFIGS
        for name in llamafactory_settings(
            config, base="m", template="<|im_start|>", rows=64, longest=512, micro_batch=8
        )
        if name not in READ_ELSEWHERE and not name.startswith(("lora_", "use_", "quantization_", "double_"))
    }
    assert len(given) > 15
    assert given <= known, sorted(given - known)


def test_a_warm_up_is_told_in_steps() -> None:
    """100 rows in batches of 16 are 7 steps an epoch, so a tenth of three epochs is 2.1 of them."""
    assert warmup_steps(TrainConfig(batch_size=16, epochs=3, warmup_share=0.1), 100) == 2
    assert warmup_steps(TrainConfig(warmup_share=0), 100) == 0
