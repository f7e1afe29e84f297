from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from luthier.domain.examples import Message
from luthier.errors import Faults
from luthier.train.config import KtoConfig, TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, Conversation, Judged, PreferencePair, TrainingOutcome
from tests.unit.train import plain
from tests.unit.train.tiny import FakePorts, judgements, pairs, task

CONFIG = TrainConfig.model_validate(
    {"method": "dpo", "epochs": 4, "batch_size": 16, "learning_rate": 3e-3, "adapter": {"rank": 8, "alpha": 16}}
)
HELD_OUT = pairs(60, seed=2)
BY_CHANCE = 0.71
"""Accuracy that 60 coin flips exceed once in a thousand runs (binomial)."""


def _run(base: BaseModel, target: Path, rows: Any, held_out: Any = HELD_OUT, **settings: Any) -> TrainingOutcome:
    return run(FakePorts(), CONFIG.model_copy(update=settings), base, rows, held_out, target=target)


def _accuracy(base: BaseModel, adapter: Path) -> float:
    """Share of held-out pairs whose chosen answer gained more than the other, by plain transformers and peft."""
    before, after = plain.load(base.folder, None), plain.load(base.folder, adapter)
    hits = 0
    for pair in HELD_OUT:
        rows = [
            Conversation(id=name, messages=(*pair.prompt, answer))
            for name, answer in (("c", pair.chosen), ("r", pair.rejected))
        ]
        old, new = plain.sums(before, rows), plain.sums(after, rows)
        hits += (new[0] - old[0]) > (new[1] - old[1])
    return hits / len(HELD_OUT)


@pytest.fixture(scope="module")
def tuned(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingOutcome, Path]:
    adapter = tmp_path_factory.mktemp("dpo") / "adapter"
    return _run(base, adapter, pairs(240, seed=1)), adapter


def test_preferences_hold_on_unseen_pairs_by_plain_transformers_too(
    base: BaseModel, tuned: tuple[TrainingOutcome, Path]
) -> None:
    outcome, adapter = tuned
    kept = next(point for point in outcome.curve if point.step == outcome.best_step)
    assert kept.validation_accuracy is not None
    assert kept.validation_accuracy > BY_CHANCE
    assert _accuracy(base, adapter) == pytest.approx(kept.validation_accuracy, abs=1 / 60)


def test_swapped_pairs_move_the_held_out_accuracy_the_other_way(base: BaseModel, tmp_path: Path) -> None:
    swapped = pairs(240, seed=1, swapped=True)
    _run(base, tmp_path / "swapped", swapped, pairs(60, seed=2, swapped=True))
    assert _accuracy(base, tmp_path / "swapped") < 1 - BY_CHANCE


def test_preferences_learned_from_pairs_beat_tuning_on_the_chosen_answers(
    base: BaseModel, tuned: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    """Supervised tuning sees the same right answers, half as long as pairs do in tokens, and no wrong ones."""
    chosen = [Conversation(id=row.id, messages=(*row.prompt, row.chosen)) for row in pairs(240, seed=1)]
    rows = task(60, seed=2)
    _run(base, tmp_path / "sft", chosen, rows, method="sft", epochs=1)
    assert _accuracy(base, tuned[1]) >= _accuracy(base, tmp_path / "sft")


def test_at_the_start_every_pair_costs_the_logarithm_of_two(tuned: tuple[TrainingOutcome, Path]) -> None:
    start = tuned[0].curve[0]
    assert start.validation_loss == pytest.approx(0.6931, abs=1e-4)
    assert start.validation_accuracy == pytest.approx(0.0)  # nothing has gained yet


def test_single_judgements_move_good_answers_up_and_bad_ones_down(base: BaseModel, tmp_path: Path) -> None:
    outcome = _run(
        base, tmp_path / "kto", judgements(240, seed=1), judgements(60, seed=2), method="kto", kto=KtoConfig(beta=0.5)
    )
    start, kept = outcome.curve[0], next(p for p in outcome.curve if p.step == outcome.best_step)
    assert start.validation_loss == pytest.approx(0.5, abs=1e-4)  # 1 - sigmoid(0)
    assert kept.validation_accuracy is not None
    assert kept.validation_accuracy > BY_CHANCE
    assert _accuracy(base, tmp_path / "kto") > BY_CHANCE


def test_shuffled_preferences_teach_nothing_about_unseen_ones(base: BaseModel, tmp_path: Path) -> None:
    rows = [
        row if at % 2 else row.model_copy(update={"chosen": row.rejected, "rejected": row.chosen})
        for at, row in enumerate(pairs(240, seed=1))
    ]
    _run(base, tmp_path / "shuffled", rows)
    assert 1 - BY_CHANCE <= _accuracy(base, tmp_path / "shuffled") <= BY_CHANCE


@pytest.mark.parametrize(("method", "rows"), [("sft", pairs), ("dpo", judgements), ("kto", pairs)])
def test_rows_of_another_kind_than_the_method_takes_are_refused_by_name(
    base: BaseModel, tmp_path: Path, method: str, rows: Any
) -> None:
    with pytest.raises(Faults, match=r"'1:0' is a \w+") as caught:
        _run(base, tmp_path / "a", rows(4, seed=1), rows(4, seed=2), method=method)
    assert f"method: {method}" in caught.value.hint


def test_a_pair_of_equal_answers_and_an_answer_by_the_user_are_no_preferences() -> None:
    asked, said = Message(role="user", content="hi"), Message(role="assistant", content="hello")
    with pytest.raises(ValidationError, match="same answer"):
        PreferencePair(id="a", prompt=(asked,), chosen=said, rejected=said)
    with pytest.raises(ValidationError, match="assistant's"):
        PreferencePair(id="a", prompt=(asked,), chosen=said, rejected=asked)
    with pytest.raises(ValidationError, match="assistant's"):
        Judged(id="a", prompt=(asked,), answer=asked, is_good=True)


def test_pairs_too_long_on_either_side_are_left_out_and_counted(base: BaseModel, tmp_path: Path) -> None:
    rows = pairs(20, seed=1)
    rows[3] = rows[3].model_copy(update={"rejected": Message(role="assistant", content="quotes " * 80)})
    outcome = _run(base, tmp_path / "a", rows, too_long="drop", max_tokens_per_example=96, epochs=1)
    assert outcome.left_out == {"too_long": 1}
    assert outcome.examples_seen == 19
