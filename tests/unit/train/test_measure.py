import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from luthier.domain.measure import Measurement
from luthier.domain.variants import Decoding
from luthier.train.config import TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, Conversation, Exam
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.local import LocalEngine
from tests.unit.train.tiny import FakePorts, conversation, task

TRAIN, VALIDATION = task(160, seed=1), task(40, seed=2)
QUICK = TrainConfig(epochs=2, learning_rate=3e-3, batch_size=16, evaluate_every_epochs=0.5)
TOKENS = 12


def exam(rows: list[Conversation], heard: list[Mapping[str, str]]) -> Exam:
    def score(answers: Mapping[str, str]) -> Mapping[str, Measurement]:
        heard.append(answers)
        hits = sum(answers.get(row.id) == row.messages[-1].content for row in rows)
        return {"right": Measurement.of_proportion("right", hits, n=len(rows))}

    return Exam(rows=rows, max_tokens=TOKENS, score=score)


def test_free_answers_are_measured_at_every_evaluation_and_rise_as_the_model_learns(
    base: BaseModel, tmp_path: Path
) -> None:
    heard: list[Mapping[str, str]] = []
    asked = exam(VALIDATION[:20], heard)
    found = run(FakePorts(), QUICK, base, TRAIN, VALIDATION, target=tmp_path / "a", exam=asked)
    evaluated = [point for point in found.curve if point.validation_loss is not None]
    assert len(heard) == len(evaluated)
    assert all(point.tasks["right"].n == 20 for point in evaluated)
    assert all(not point.tasks for point in found.curve if point.validation_loss is None)
    assert evaluated[0].tasks["right"].value < evaluated[-1].tasks["right"].value
    assert 0 < found.measuring_seconds < found.seconds

    engine = LocalEngine.load(base.folder)
    engine.add_adapter("kept", tmp_path / "a")
    kept = next(at for at, point in enumerate(evaluated) if point.step == found.best_step)
    requests = [
        EngineRequest(messages=row.messages[:-1], adapter="kept", decoding=Decoding(max_tokens=TOKENS))
        for row in VALIDATION[:20]
    ]
    said = {row.id: answer.text for row, answer in zip(VALIDATION[:20], engine.answer(requests), strict=True)}
    assert heard[kept] == said


def test_measuring_changes_no_byte_of_the_adapter(base: BaseModel, tmp_path: Path) -> None:
    config = QUICK.model_copy(update={"epochs": 1, "adapter": QUICK.adapter.model_copy(update={"dropout": 0.1})})
    run(FakePorts(), config, base, TRAIN, VALIDATION, target=tmp_path / "with", exam=exam(VALIDATION[:8], []))
    without = run(FakePorts(), config, base, TRAIN, VALIDATION, target=tmp_path / "without")
    digests = {
        name: hashlib.sha256((tmp_path / name / "adapter_model.safetensors").read_bytes()).hexdigest()
        for name in ("with", "without")
    }
    assert digests["with"] == digests["without"]
    assert without.measuring_seconds == 0


def test_a_question_too_long_for_the_model_gets_no_answer(base: BaseModel, tmp_path: Path) -> None:
    heard: list[Mapping[str, str]] = []
    rows = [VALIDATION[0], conversation("long", "word " * 300, "never")]
    found = run(
        FakePorts(), QUICK.model_copy(update={"epochs": 1}), base, TRAIN, VALIDATION, target=tmp_path / "a",
        exam=exam(rows, heard),
    )  # fmt: skip
    assert all(set(answers) == {VALIDATION[0].id} for answers in heard)
    assert all(point.tasks["right"].n == 2 for point in found.curve if point.tasks)


def test_measuring_elsewhere_than_in_this_process_is_refused_when_the_settings_are_read() -> None:
    with pytest.raises(ValueError, match="trains it elsewhere"):
        TrainConfig.model_validate({"measure": {"rows": 4}, "backend": {"kind": "torchrun"}})


def test_who_is_told_and_what_others_try_is_no_part_of_a_runs_recipe() -> None:
    told = TrainConfig.model_validate(
        {"tracking": ["tensorboard"], "search": {"space": {"adapter.rank": [8, 16]}, "trials": 2}}
    )
    assert told.recipe == TrainConfig().recipe
    assert TrainConfig.model_validate({"measure": {"rows": 4}}).recipe != TrainConfig().recipe
