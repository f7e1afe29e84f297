import hashlib
import json
import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from scipy import stats

from luthier.domain.money import Money
from luthier.errors import EmptySample, EngineFault, Faults, Refused, StorageFault, Tampered, UserError
from luthier.train.config import EarlyStoppingConfig, TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, TrainingOutcome
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.local import LocalEngine
from tests.unit.train import plain
from tests.unit.train.tiny import FakePorts, conversation, make_base, task

QUICK = TrainConfig(epochs=4, learning_rate=3e-3, batch_size=16, evaluate_every_epochs=0.5)
TRAIN, VALIDATION = task(300, seed=1), task(80, seed=2)


@pytest.fixture(scope="module")
def trained(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingOutcome, Path]:
    adapter = tmp_path_factory.mktemp("trained") / "adapter"
    return run(FakePorts(), QUICK, base, TRAIN, VALIDATION, target=adapter), adapter


def _sha256(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def _gain_interval(before: list[float], after: list[float]) -> tuple[float, float]:
    """The 95% interval of the mean fall in loss, row by row."""
    falls = np.array(before) - np.array(after)
    low, high = stats.t.interval(0.95, len(falls) - 1, loc=falls.mean(), scale=stats.sem(falls))
    return float(low), float(high)


def test_training_and_held_out_loss_fall(trained: tuple[TrainingOutcome, Path]) -> None:
    curve = trained[0].curve
    train = [point.train_loss for point in curve if point.train_loss is not None]
    held_out = [point.validation_loss for point in curve if point.validation_loss is not None]
    assert train[-1] < train[0] / 4
    assert held_out[-1] < held_out[0] / 4


def test_unseen_rows_gain_beyond_doubt_and_shuffled_targets_teach_nothing_about_them(
    base: BaseModel, trained: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    unseen = task(40, seed=3)
    shuffled = task(300, seed=1, shuffled=True)
    run(FakePorts(), QUICK, base, shuffled, task(80, seed=2, shuffled=True), target=tmp_path / "control")
    ours, control = plain.load(base.folder, trained[1]), plain.load(base.folder, tmp_path / "control")

    assert _gain_interval(plain.losses(plain.load(base.folder, None), unseen), plain.losses(ours, unseen))[0] > 0
    assert _gain_interval(plain.losses(control, unseen), plain.losses(ours, unseen))[0] > 0
    right = sum(plain.greedy(ours, row) == row.messages[-1].content for row in unseen)
    guessed = sum(plain.greedy(control, row) == row.messages[-1].content for row in unseen)
    assert right >= 34
    # five tools: a guess is right in one of five; the exact 99.9% binomial bound of 40 guesses
    assert guessed <= stats.binom.ppf(0.999, 40, 0.2)


def test_the_adapter_opens_in_plain_transformers_and_peft_and_scores_what_was_reported(
    base: BaseModel, trained: tuple[TrainingOutcome, Path]
) -> None:
    outcome, adapter = trained
    assert plain.set_loss(plain.load(base.folder, adapter), VALIDATION) == pytest.approx(
        outcome.best_validation_loss, abs=1e-5
    )


def test_our_engine_and_plain_peft_write_the_same_answers(
    base: BaseModel, trained: tuple[TrainingOutcome, Path]
) -> None:
    engine = LocalEngine.load(base.folder)
    engine.add_adapter("tuned", trained[1])
    rows = VALIDATION[:20]
    ours = engine.answer([EngineRequest(messages=row.messages[:-1], adapter="tuned") for row in rows])
    other = plain.load(base.folder, trained[1])
    assert [answer.text for answer in ours] == [plain.greedy(other, row) for row in rows]


def test_the_base_model_is_untouched_and_only_adapter_tensors_are_written(base: BaseModel, tmp_path: Path) -> None:
    before = _sha256(base.folder)
    outcome = run(FakePorts(), QUICK.model_copy(update={"epochs": 1}), base, TRAIN, VALIDATION, target=tmp_path / "a")
    assert _sha256(base.folder) == before
    assert outcome.base_weights == before["model.safetensors"] == base.weights
    tensors = load_file(tmp_path / "a" / "adapter_model.safetensors")
    assert all(name.endswith((".lora_A.weight", ".lora_B.weight")) for name in tensors)
    assert sum(tensor.numel() for tensor in tensors.values()) == outcome.trainable_parameters
    base_parameters = sum(tensor.numel() for tensor in load_file(base.folder / "model.safetensors").values())
    assert outcome.total_parameters == outcome.trainable_parameters + base_parameters


def test_two_runs_of_one_seed_write_the_same_bytes_and_another_seed_does_not(base: BaseModel, tmp_path: Path) -> None:
    config = QUICK.model_copy(update={"epochs": 1, "adapter": QUICK.adapter.model_copy(update={"dropout": 0.1})})
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        run(FakePorts(), config, base, TRAIN[:100], VALIDATION, target=tmp_path / name, seed=seed)
    assert _sha256(tmp_path / "one") == _sha256(tmp_path / "two")
    assert _sha256(tmp_path / "one") != _sha256(tmp_path / "other")


def test_parts_in_memory_change_nothing_but_rounding(base: BaseModel, tmp_path: Path) -> None:
    config = QUICK.model_copy(update={"epochs": 1})
    whole = run(FakePorts(), config, base, TRAIN[:100], VALIDATION, target=tmp_path / "whole")
    small = config.model_copy(update={"micro_batch_tokens": 64})
    parts = run(FakePorts(), small, base, TRAIN[:100], VALIDATION, target=tmp_path / "parts")
    assert parts.best_validation_loss == pytest.approx(whole.best_validation_loss, rel=1e-3)


def test_few_rows_stop_early_and_the_kept_adapter_scores_lowest_of_all(base: BaseModel, tmp_path: Path) -> None:
    ports = FakePorts(checkpoints=tmp_path / "states")
    rows, held_out = task(64, seed=7), task(24, seed=8)
    config = TrainConfig(
        epochs=50, learning_rate=5e-3, batch_size=16, evaluate_every_epochs=2, keep_checkpoints="all",
        early_stopping=EarlyStoppingConfig(patience=3),
    )  # fmt: skip
    outcome = run(ports, config, base, rows, held_out, target=tmp_path / "kept")
    assert outcome.stopped_because == "early_stopping"
    assert outcome.curve[-1].epoch < 50

    evaluated = sorted((tmp_path / "states").glob("*/evaluated/step-*"))
    scores = {int(at.name[5:]): plain.set_loss(plain.load(base.folder, at), held_out) for at in evaluated}
    assert len(scores) == len([point for point in outcome.curve if point.validation_loss is not None])
    assert outcome.best_step == min(scores, key=lambda step: scores[step])
    kept = plain.set_loss(plain.load(base.folder, tmp_path / "kept"), held_out)
    assert kept == pytest.approx(min(scores.values()), abs=1e-6)

    without = config.model_copy(update={"early_stopping": None, "keep_checkpoints": "best"})
    last = run(FakePorts(), without, base, rows, held_out, target=tmp_path / "last")
    assert (last.stopped_because, last.curve[-1].epoch) == ("finished", 50)
    assert plain.set_loss(plain.load(base.folder, tmp_path / "last"), held_out) > kept


def test_a_run_that_is_too_slow_ends_at_its_time_limit_with_its_schedule_run_down(
    base: BaseModel, tmp_path: Path
) -> None:
    ports = FakePorts(tick_seconds=1.0)
    config = TrainConfig(epochs=10, batch_size=16, time_limit_seconds=120.0, early_stopping=None)
    outcome = run(ports, config, base, TRAIN[:160], VALIDATION, target=tmp_path / "a")
    assert outcome.stopped_because == "time_limit"
    assert outcome.seconds <= 120.0 * 1.1
    assert outcome.curve[-1].learning_rate < config.learning_rate / 20
    assert outcome.best_step == outcome.curve[-1].step < 100
    assert ports.done[-1][0] == ports.done[-1][1] == outcome.best_step


def test_every_point_is_told_while_training_and_steps_never_go_back(
    trained: tuple[TrainingOutcome, Path], base: BaseModel, tmp_path: Path
) -> None:
    ports = FakePorts()
    outcome = run(ports, QUICK.model_copy(update={"epochs": 1}), base, TRAIN, VALIDATION, target=tmp_path / "a")
    assert tuple(ports.points) == outcome.curve
    steps = [point.step for point in outcome.curve]
    assert steps == sorted(set(steps))
    assert ports.done[-1] == (19, 19)  # 300 rows in batches of 16
    assert outcome.examples_seen == 300
    assert all(math.isfinite(point.gradient_norm or 0.0) for point in outcome.curve)


def test_a_diverging_run_stops_with_advice_and_keeps_its_last_good_adapter(tmp_path: Path) -> None:
    poisoned = _with_poisoned_letter(tmp_path / "poisoned")
    rows = [*TRAIN[:100], conversation("poison", "ù", "phone")]
    with pytest.raises(EngineFault, match="diverged") as caught:
        run(FakePorts(checkpoints=tmp_path / "states"), QUICK, poisoned, rows, VALIDATION, target=tmp_path / "a")
    assert "learning_rate" in caught.value.hint
    assert not (tmp_path / "a").exists()
    kept = next((tmp_path / "states").glob("*/last-good"))
    assert str(kept) in caught.value.message
    assert all(tensor.isfinite().all() for tensor in load_file(kept / "adapter_model.safetensors").values())


def _with_poisoned_letter(folder: Path) -> BaseModel:
    """A base model that answers with NaN as soon as it reads the first byte of `ù`, which no row of the task has."""
    make_base(folder, tied=False)
    tensors = load_file(folder / "model.safetensors")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    tensors["model.embed_tokens.weight"][vocabulary["Ã"]] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return BaseModel(folder=folder, weights=_sha256(folder)["model.safetensors"])


@pytest.mark.parametrize("name", ["train", "validation"])
def test_an_empty_set_is_refused_before_anything_is_spent(name: str, base: BaseModel, tmp_path: Path) -> None:
    rows = {"train": TRAIN, "validation": VALIDATION} | {name: []}
    with pytest.raises(EmptySample):
        run(FakePorts(), QUICK, base, rows["train"], rows["validation"], target=tmp_path / "a")


def test_a_conversation_in_both_sets_is_refused_by_name(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(Faults, match="'2:0' stands twice"):
        run(FakePorts(), QUICK, base, [*TRAIN, VALIDATION[0]], VALIDATION, target=tmp_path / "a")


def test_weights_that_are_not_the_pinned_ones_are_refused(base: BaseModel, tmp_path: Path) -> None:
    other = BaseModel(folder=base.folder, weights="0" * 64)
    with pytest.raises(Tampered, match="not the pinned ones"):
        run(FakePorts(), QUICK, other, TRAIN, VALIDATION, target=tmp_path / "a")


def test_an_adapter_is_never_overwritten(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        run(FakePorts(), QUICK, base, TRAIN, VALIDATION, target=tmp_path)


def test_code_in_a_model_folder_is_refused_and_not_run(base: BaseModel, tmp_path: Path) -> None:
    evil = make_base(tmp_path / "evil")
    config = json.loads((evil.folder / "config.json").read_text())
    (evil.folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModelForCausalLM": "evil.Evil"}}))
    (evil.folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(Refused):
        run(FakePorts(), QUICK, evil, TRAIN, VALIDATION, target=tmp_path / "a")
    assert not (tmp_path / "ran").exists()


def test_layers_the_model_does_not_have_are_named_with_those_it_has(base: BaseModel, tmp_path: Path) -> None:
    config = TrainConfig.model_validate({"adapter": {"layers": ["q_proj", "query"]}})
    with pytest.raises(UserError, match="query") as caught:
        run(FakePorts(), config, base, TRAIN, VALIDATION, target=tmp_path / "a")
    assert "q_proj" in caught.value.hint


@contextmanager
def _small_disk(most_bytes: int) -> Iterator[None]:
    """No file of this process may grow past `most_bytes`: what a full disk does, without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_no_half_adapter_and_the_run_goes_on_once_there_is_space(
    base: BaseModel, tmp_path: Path
) -> None:
    config = QUICK.model_copy(update={"epochs": 1, "checkpoint_every_steps": 4})
    with _small_disk(100_000), pytest.raises(StorageFault, match="could not be written"):
        run(FakePorts(), config, base, TRAIN[:64], VALIDATION, target=tmp_path / "a")
    assert not list(tmp_path.iterdir())

    ports = FakePorts(checkpoints=tmp_path / "states")
    with pytest.raises(StorageFault, match=r"adapter.*could not be written"):
        run(ports, config, base, TRAIN[:64], VALIDATION, target=Path("/proc/adapter"))
    assert len(list((tmp_path / "states").glob("*/state-*"))) == 1
    again = FakePorts(checkpoints=tmp_path / "states")
    run(again, config, base, TRAIN[:64], VALIDATION, target=tmp_path / "a")
    assert again.points == []
    assert (tmp_path / "a" / "adapter_config.json").is_file()


def test_an_outcome_becomes_a_run_once_its_digests_and_price_are_known(
    trained: tuple[TrainingOutcome, Path],
) -> None:
    recorded = trained[0].as_run(snapshot="s", adapter="a", cost=Money())
    assert (recorded.snapshot, recorded.adapter, recorded.best_step) == ("s", "a", trained[0].best_step)
    assert recorded.choices["precision"].startswith("fp32: ")


def test_muon_learns_by_steps_that_are_equally_long_in_every_direction(base: BaseModel, tmp_path: Path) -> None:
    config = QUICK.model_copy(update={"optimizer": "muon", "learning_rate": 1e-2})
    curve = run(FakePorts(), config, base, TRAIN, VALIDATION, target=tmp_path / "muon").curve
    held_out = [point.validation_loss for point in curve if point.validation_loss is not None]
    assert held_out[-1] < held_out[0] / 4

    one_step = config.model_copy(
        update={"epochs": 1, "batch_size": len(TRAIN), "warmup_share": 0.0, "early_stopping": None}
    )
    run(FakePorts(), one_step, base, TRAIN, VALIDATION, target=tmp_path / "one-step")
    tensors = load_file(tmp_path / "one-step" / "adapter_model.safetensors")
    moved = [tensor.numpy() for name, tensor in tensors.items() if "lora_B" in name]  # these start at zero
    for matrix in moved:
        sizes = np.linalg.svd(matrix, compute_uv=False)
        assert np.median(sizes) > sizes[0] / 2  # all but the directions in which there was next to no gradient


def test_low_precision_trains_too(base: BaseModel, tmp_path: Path) -> None:
    config = QUICK.model_copy(update={"precision": "bf16", "epochs": 1})
    outcome = run(FakePorts(), config, base, TRAIN[:100], VALIDATION[:20], target=tmp_path / "a")
    assert outcome.best_validation_loss < (outcome.curve[0].validation_loss or 0.0) * 0.8
    assert outcome.choices["precision"] == "bf16: as configured"
