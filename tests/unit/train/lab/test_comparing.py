import pytest

from luthier.domain.money import Money
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.errors import UnknownName, UserError
from luthier.train.lab.comparing import Clause, compare_runs, matching

POINT = CurvePoint(step=10, epoch=1, train_loss=1.0, validation_loss=0.5)


def run(loss: float, **settings: str) -> TrainingRun:
    return TrainingRun(
        base_weights="0" * 64, snapshot="1" * 64, adapter="2" * 64, method="sft", seed=0, curve=(POINT,), best_step=10,
        config={"adapter.rank": "16", "learning_rate": "0.002", **settings}, best_validation_loss=loss,
        stopped_because="finished", examples_seen=1, tokens_seen=100, trainable_parameters=5, total_parameters=50,
        rows=7, seconds=30.0, cost=Money(),
    )  # fmt: skip


RUNS = [run(0.5), run(0.4, **{"adapter.rank": "32"}), run(0.3, learning_rate="2e-3", optimizer="muon")]


def matched(*conditions: str) -> list[int]:
    found = matching(RUNS, [Clause.parse(text) for text in conditions])
    return [at for at, is_kept in enumerate(found) if is_kept]


def test_runs_are_found_by_settings_and_figures_together() -> None:
    assert matched("adapter.rank=16") == [0, 2]
    assert matched("adapter.rank=16", "best_validation_loss<0.5") == [2]
    assert matched("rows>=7", "method != dpo") == [0, 1, 2]


def test_equal_numbers_are_equal_however_they_are_written() -> None:
    assert matched("learning_rate=0.002") == [0, 1, 2]


def test_a_run_without_the_setting_neither_equals_nor_differs() -> None:
    assert matched("optimizer=muon") == [2]
    assert matched("optimizer!=adamw") == [2]


def test_a_setting_that_no_run_has_is_told_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match=r"adapter\.rnk") as caught:
        matched("adapter.rnk=16")
    assert "adapter.rank" in caught.value.hint


@pytest.mark.parametrize("text", ["", "rank", "rank ~ 3", "seconds<soon"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        Clause.parse(text)


def test_two_runs_differ_in_their_settings_and_each_figure_is_told_with_its_change() -> None:
    found = compare_runs(RUNS[0], RUNS[1])
    assert [(each.setting, each.first, each.second) for each in found.settings] == [("adapter.rank", "16", "32")]
    losses = next(each for each in found.figures if each.figure == "best_validation_loss")
    assert (losses.first, losses.second) == (0.5, 0.4)
    assert losses.change == pytest.approx(-0.1)


def test_a_setting_that_only_one_run_has_is_told_as_missing_in_the_other() -> None:
    found = compare_runs(RUNS[0], RUNS[2])
    assert ("optimizer", None, "muon") in [(each.setting, each.first, each.second) for each in found.settings]


def test_runs_of_different_snapshots_are_not_compared_without_saying_so() -> None:
    other = RUNS[0].model_copy(update={"snapshot": "9" * 64})
    assert "different snapshots" in compare_runs(RUNS[0], other).notes[0]
    assert all("different snapshots" not in note for note in compare_runs(RUNS[0], RUNS[1]).notes)
