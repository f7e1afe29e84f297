import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from luthier.train.backends.base_model import choose_machine, frozen_digest
from luthier.train.backends.kinds import prepare_model
from luthier.train.backends.scoring import score
from luthier.train.backends.steps import evaluate
from luthier.train.config import TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, Row
from tests.unit.train import plain
from tests.unit.train.benches import Set, set_up
from tests.unit.train.tiny import FAMILIES, FakePorts, judgements, make_base, pairs, task

WHY = "The output format needs tokens that no adapter rank up to 256 learned."
ROWS: dict[str, tuple[list[Row], list[Row]]] = {
    "sft": ([*task(48, seed=1)], [*task(8, seed=2)]),
    "dpo": ([*pairs(48, seed=1)], [*pairs(8, seed=2)]),
    "kto": ([*judgements(160, seed=1)], [*judgements(24, seed=2)]),  # one answer each, and half of them to unlearn
}


def _config(kind: str, **settings: Any) -> TrainConfig:
    adapter = {"kind": kind} if kind == "none" else {"kind": kind, "rank": 4, "alpha": 8}
    adapter |= settings.pop("adapter", {})
    why = {"justification": WHY} if kind == "none" else {}
    return TrainConfig.model_validate(
        {"epochs": 1, "batch_size": 16, "learning_rate": 3e-3, "adapter": adapter} | why | settings
    )


def _model(base: BaseModel, config: TrainConfig) -> Any:
    return prepare_model(base, config.adapter, choose_machine(config), seed=0)


def test_the_base_of_a_qlora_run_is_really_in_four_bits(tmp_path: Path) -> None:
    import bitsandbytes  # noqa: PLC0415

    base = make_base(tmp_path / "base", width=128)
    model = _model(base, _config("qlora"))
    packed = [part for part in model.modules() if isinstance(part, bitsandbytes.nn.Linear4bit)]
    assert len(packed) == 2 * 7
    whole = load_file(base.folder / "model.safetensors")
    for part in packed:
        assert part.weight.dtype == torch.uint8
        assert part.weight.quant_state.quant_type == "nf4"
        assert part.weight.numel() * 2 == part.in_features * part.out_features  # two weights to a byte
    bits = sum(part.weight.untyped_storage().nbytes() for part in packed) * 8
    assert bits / sum(whole[name].numel() for name in whole if "proj" in name) == 4.0


def test_an_evaluation_changes_neither_the_packed_weights_nor_the_gradients_below_them(base: BaseModel) -> None:
    ours = set_up(base, _config("qlora", batch_size=8), task(16, seed=1))
    before = frozen_digest(ours.bench.model)
    first = next(p for name, p in ours.bench.parameters.items() if "layers.0" in name and "lora_B" in name)
    gradients = []
    for _ in range(2):
        ours.bench.model.train()
        loss = _loss(ours)
        gradients.append(torch.autograd.grad(loss, first)[0])
        evaluate(ours.bench, ours.prepared.objective, ours.prepared.held_out)
    assert frozen_digest(ours.bench.model) == before
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[1], gradients[0])


def _loss(ours: Set) -> torch.Tensor:
    batch = ours.batch(0)
    texts = [entry.text for entry in batch]
    scored = score(ours.bench.model, texts, ours.bench.machine, reads_sheets=True)
    return ours.prepared.objective.loss(scored, batch)


def test_a_qlora_run_counts_every_parameter_and_learns(base: BaseModel, tmp_path: Path) -> None:
    config = _config("qlora", epochs=3, adapter={"rank": 16, "alpha": 32})
    outcome = run(FakePorts(), config, base, task(120, seed=1), task(20, seed=2), target=tmp_path / "a")
    before, after = outcome.curve[0].validation_loss, outcome.best_validation_loss
    assert before is not None
    assert after < before * 0.7
    in_base = sum(tensor.numel() for tensor in load_file(base.folder / "model.safetensors").values())
    assert outcome.total_parameters == in_base + outcome.trainable_parameters
    assert plain.set_loss(plain.load(base.folder, tmp_path / "a"), task(20, seed=2)) < before * 0.8


def test_dora_trains_a_length_for_each_column_too(base: BaseModel, tmp_path: Path) -> None:
    run(FakePorts(), _config("dora"), base, *ROWS["sft"], target=tmp_path / "a")
    tensors = load_file(tmp_path / "a" / "adapter_model.safetensors")
    lengths = {name: tensor for name, tensor in tensors.items() if "lora_magnitude_vector" in name}
    assert len(lengths) == 2 * 7
    start = _model(base, _config("dora")).state_dict()
    assert any((start[_of(name, start)] - tensor).abs().max() > 1e-4 for name, tensor in lengths.items())


def _of(name: str, names: dict[str, Any]) -> str:
    return next(full for full in names if full.startswith(name.removesuffix(".weight")))


def test_the_scale_of_rslora_falls_with_the_root_of_the_rank(base: BaseModel) -> None:
    config = _config("lora", adapter={"use_rslora": True, "rank": 16, "alpha": 8})
    layer = _model(base, config).get_base_model().model.layers[0].self_attn.q_proj
    assert layer.scaling["default"] == pytest.approx(8 / 4)


def test_full_tuning_changes_every_weight_and_writes_a_model_that_opens_by_itself(
    base: BaseModel, tmp_path: Path
) -> None:
    config = _config("none", learning_rate=1e-3, epochs=2)
    outcome = run(FakePorts(), config, base, task(96, seed=1), task(16, seed=2), target=tmp_path / "model")
    before = load_file(base.folder / "model.safetensors")
    after = load_file(tmp_path / "model" / "model.safetensors")
    assert set(after) == set(before)
    assert all(not torch.equal(after[name], before[name]) for name in before)
    assert outcome.trainable_parameters == outcome.total_parameters == sum(t.numel() for t in before.values())
    assert outcome.config["justification"] == WHY
    alone = plain.load(tmp_path / "model", None)
    assert plain.set_loss(alone, task(16, seed=2)) == pytest.approx(outcome.best_validation_loss, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"adapter": {"kind": "none"}}, "justification"),
        ({"justification": WHY}, "for `adapter.kind: none` only"),
        ({"adapter": {"kind": "none", "rank": 8}, "justification": WHY}, "rank"),
        ({"adapter": {"kind": "none"}, "justification": WHY, "optimizer": "muon"}, "muon"),
        ({"adapter": {"kind": "dora"}, "optimizer": "muon"}, "muon"),
        ({"dpo": {"beta": 0.2}}, "would do nothing"),
        ({"method": "distill"}, "needs a teacher"),
        ({"method": "distill", "distill": {"teacher": "t", "beta": 0.9}}, "logits"),
        ({"method": "kto", "loss_on": "all_assistant_turns"}, "final answers"),
        (
            {
                "method": "distill",
                "distill": {"teacher": "t", "learn_from": "logits"},
                "loss_on": "all_assistant_turns",
            },
            "final answers",
        ),
        ({"method": "dpo", "dpo": {"loss": "ipo", "label_smoothing": 0.1}}, "sigmoid"),
    ],
)
def test_a_choice_that_would_be_ignored_or_lacks_its_reason_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TrainConfig.model_validate(settings)


def test_a_section_that_was_written_out_is_read_again() -> None:
    config = _config("none")
    assert TrainConfig.model_validate(json.loads(config.model_dump_json())) == config


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("method", sorted(ROWS))
def test_every_method_runs_on_every_family(family: str, method: str, tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", family=family)
    train, held_out = ROWS[method]
    pulls = {"kto": {"beta": 0.5}} if method == "kto" else {}
    config = _config("lora", method=method, learning_rate=4e-3, epochs=4 if pulls else 3, **pulls)
    outcome = run(FakePorts(), config, base, train, held_out, target=tmp_path / "a")
    first = outcome.curve[0].validation_loss
    assert first is not None
    assert outcome.best_validation_loss < first
    assert outcome.choices["layout"].startswith("flat")


@pytest.mark.parametrize("kind", ["dora", "qlora", "none"])
@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_preferences_train_every_kind(base: BaseModel, kind: str, method: str, tmp_path: Path) -> None:
    train, held_out = ROWS[method]
    pulls = {"kto": {"beta": 0.5}} if method == "kto" else {}
    rate, epochs = 1e-3 if kind == "none" else 5e-3, 4 if pulls else 3
    config = _config(kind, method=method, epochs=epochs, learning_rate=rate, **pulls)
    outcome = run(FakePorts(), config, base, train, held_out, target=tmp_path / "a")
    assert outcome.best_validation_loss < (outcome.curve[0].validation_loss or 0.0)


def test_a_model_whose_attention_is_its_own_trains_on_padded_rows(base: BaseModel, tmp_path: Path) -> None:
    """Same rows, same losses: what cannot be laid out flat is only slower."""
    config = _config("lora", method="dpo", batch_size=6)
    flat, padded = (set_up(base, config, pairs(24, seed=1), sheets=sheets) for sheets in (True, False))
    assert flat.losses(4) == pytest.approx(padded.losses(4), abs=1e-4)


def test_adapters_of_every_kind_open_in_plain_peft(base: BaseModel, tmp_path: Path) -> None:
    for kind in ("lora", "dora"):
        config = _config(kind, adapter={"use_rslora": kind == "lora"})
        outcome = run(FakePorts(), config, base, *ROWS["sft"], target=tmp_path / kind)
        opened = plain.load(base.folder, tmp_path / kind)
        assert plain.set_loss(opened, task(8, seed=2)) == pytest.approx(outcome.best_validation_loss, abs=1e-5)


def test_a_model_is_left_as_it_was_by_full_tuning(base: BaseModel, tmp_path: Path) -> None:
    before = (base.folder / "model.safetensors").read_bytes()
    run(FakePorts(), _config("none"), base, *ROWS["sft"], target=tmp_path / "model")
    assert (base.folder / "model.safetensors").read_bytes() == before
    AutoModelForCausalLM.from_pretrained(tmp_path / "model")
