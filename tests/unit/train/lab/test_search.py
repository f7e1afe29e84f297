import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.domain.runs import CurvePoint
from luthier.errors import UnknownName, UserError
from luthier.train.config import TrainConfig
from luthier.train.lab.config import SearchConfig
from luthier.train.lab.search import Trial, best_of, check_space, evaluation_of, median_at
from luthier.train.lab.settings import changed


def trial(number: int, losses: list[float], *, state: str = "complete") -> Trial:
    return Trial.model_validate(
        {
            "number": number, "settings": {"adapter.rank": 8}, "state": state, "run": None,
            "losses": dict(enumerate(losses)), "loss": min(losses) if state == "complete" else None,
        }
    )  # fmt: skip


def search(**settings: object) -> SearchConfig:
    space = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "adapter.rank": [8, 16, 32]}
    return SearchConfig.model_validate({"space": space, **settings})


def test_the_median_is_of_the_lowest_losses_that_completed_trials_had_reached() -> None:
    # lowest by evaluation 1: 3.0, 2.0, 4.0
    trials = [trial(0, [5, 3, 1]), trial(1, [2, 6, 6]), trial(2, [5, 4, 3])]
    assert median_at(trials, 1) == 3.0


def test_trials_that_were_ended_early_or_not_yet_that_far_do_not_count() -> None:
    trials = [trial(0, [5, 3, 1]), trial(1, [1, 1, 1], state="pruned"), trial(2, [9])]
    assert median_at(trials, 2) == 1.0
    assert median_at(trials[1:], 2) is None


def test_an_even_count_has_the_mean_of_its_middle_two() -> None:
    assert median_at([trial(0, [4, 2]), trial(1, [4, 3])], 1) == 2.5


def test_evaluations_are_counted_by_epoch_so_that_a_resumed_run_counts_on() -> None:
    assert [evaluation_of(CurvePoint(step=1, epoch=epoch), 0.5) for epoch in (0.0, 0.5, 0.98, 1.5)] == [0, 1, 2, 3]


def test_the_best_trial_has_the_lowest_loss_and_of_equals_came_first() -> None:
    trials = [trial(0, [2.0]), trial(1, [1.0]), trial(2, [1.0]), trial(3, [0.1], state="pruned")]
    best = best_of(trials)
    assert best is not None
    assert best.number == 1
    assert best_of([trials[3]]) is None


def test_a_setting_is_changed_where_it_lies_and_nothing_else_is() -> None:
    config = TrainConfig()
    found = changed(config, {"adapter.rank": 8, "learning_rate": 1e-3})
    assert (found.adapter.rank, found.learning_rate) == (8, 1e-3)
    assert changed(found, {"adapter.rank": config.adapter.rank, "learning_rate": config.learning_rate}) == config


def test_values_written_as_text_are_read_as_the_setting_wants_them() -> None:
    assert changed(TrainConfig(), {"adapter.rank": "8"}).adapter.rank == 8


def test_a_setting_that_does_not_exist_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"adapter\.rnk") as caught:
        changed(TrainConfig(), {"adapter.rnk": 8})
    assert "adapter.rank" in caught.value.hint


def test_settings_that_contradict_each_other_are_a_persons_fault_and_no_bug() -> None:
    with pytest.raises(UserError, match="vectors"):
        changed(TrainConfig(), {"optimizer": "muon", "adapter.kind": "dora"})


def test_a_space_beyond_what_a_setting_takes_is_refused_before_the_first_trial() -> None:
    with pytest.raises(UserError, match="learning_rate"):
        check_space(TrainConfig(), SearchConfig.model_validate({"space": {"learning_rate": {"low": 0.1, "high": 10}}}))


@pytest.mark.parametrize(
    "space",
    [
        {},
        {"seed": [1, 2]},
        {"backend.kind": ["local", "hosted"]},
        {"evaluate_every_epochs": {"low": 0.1, "high": 1.0}},
        {"adapter.rank": [8]},
        {"adapter.rank": {"low": 8, "high": 8}},
        {"learning_rate": {"low": 0.0, "high": 1.0, "log": True}},
        {"adapter.rank": {"low": 8.5, "high": 16, "whole": True}},
    ],
)
def test_a_space_that_makes_no_sense_is_refused_when_it_is_read(space: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SearchConfig.model_validate({"space": space})


def test_a_search_broken_off_anywhere_proposes_what_an_unbroken_one_would() -> None:
    study = pytest.importorskip("luthier.train.lab.backends.study", reason="Optuna is an extra")
    asked = search(startup_trials=3, seed=5)
    trials: list[Trial] = []
    for number in range(8):
        chosen = study.propose(asked, trials)
        assert chosen == study.propose(asked, [Trial.model_validate_json(each.model_dump_json()) for each in trials])
        assert 1e-4 <= chosen["learning_rate"] <= 1e-2
        assert chosen["adapter.rank"] in (8, 16, 32)
        loss = abs(chosen["learning_rate"] - 2e-3) * 100 + chosen["adapter.rank"] / 100
        state = ("complete", "complete", "pruned", "failed")[number % 4] if number > 3 else "complete"
        losses = {0: 3.0} if state != "complete" else {0: 3.0, 1: loss}
        trials.append(
            Trial(number=number, settings=chosen, state=state, loss=loss if state == "complete" else None,
                  losses=losses, run=None)
        )  # fmt: skip
    assert len({trial.settings["learning_rate"] for trial in trials}) == 8
    assert study.propose(search(startup_trials=3, seed=6), []) != study.propose(asked, [])


def test_the_setting_that_moves_the_loss_explains_it() -> None:
    study = pytest.importorskip("luthier.train.lab.backends.study", reason="Optuna is an extra")
    asked = search()
    trials = [
        Trial(number=at, settings={"learning_rate": 1e-4 * 1.3**at, "adapter.rank": (8, 16, 32)[at % 3]},
              state="complete", loss=float(at), losses={1: float(at)}, run=None)
        for at in range(16)
    ]  # fmt: skip
    found = study.importances(asked, trials)
    assert found is not None
    assert found["learning_rate"] > 0.9 > found["adapter.rank"]
    assert study.importances(asked, trials[:4]) is None


@given(st.lists(st.lists(st.floats(0.1, 9), min_size=3, max_size=3), min_size=1, max_size=9), st.integers(0, 2))
def test_the_median_lies_among_what_was_reached(losses: list[list[float]], evaluation: int) -> None:
    reached = [min(each[: evaluation + 1]) for each in losses]
    found = median_at([trial(at, each) for at, each in enumerate(losses)], evaluation)
    assert found is not None
    assert min(reached) <= found <= max(reached)
