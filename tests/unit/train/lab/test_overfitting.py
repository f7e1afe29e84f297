from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.runs import CurvePoint
from luthier.train.lab.overfitting import overfitting


def curve(*points: tuple[float, float]) -> Sequence[CurvePoint]:
    """Pairs of train and validation loss, ten steps apart, after the untouched base."""
    start = CurvePoint(step=0, epoch=0, validation_loss=points[0][1] * 2)
    return [
        start,
        *(
            CurvePoint(step=10 * at, epoch=at, train_loss=train, validation_loss=validation)
            for at, (train, validation) in enumerate(points, start=1)
        ),
    ]


LEARNING = curve((2.0, 2.1), (1.5, 1.7), (1.2, 1.5), (1.0, 1.4))
BY_HEART = curve((2.0, 2.1), (1.2, 1.8), (0.6, 2.0), (0.3, 2.4))


def test_a_run_that_still_learns_is_not_flagged() -> None:
    assert overfitting(LEARNING, kept=40).outcome == "pass"


def test_a_rising_validation_loss_under_a_falling_train_loss_is_flagged_with_both_figures() -> None:
    found = overfitting(BY_HEART, kept=20)
    assert found.outcome == "fail"
    [reason] = found.reasons
    assert "from 1.8000 to 2.4000" in reason
    assert "from 1.2000 to 0.3000" in reason
    assert "the kept adapter is from before" in reason


def test_keeping_the_last_adapter_of_such_a_run_is_not_excused() -> None:
    found = overfitting(BY_HEART, kept=40)
    assert not any("from before" in reason for reason in found.reasons)
    assert any("at the kept step 40" in reason for reason in found.reasons)


def test_one_bad_evaluation_is_no_trend() -> None:
    assert overfitting(curve((2.0, 2.1), (1.2, 1.8), (1.1, 1.9)), kept=20).outcome == "pass"


def test_both_losses_rising_is_a_run_that_went_wrong_and_not_one_that_learned_by_heart() -> None:
    assert overfitting(curve((2.0, 2.1), (1.2, 1.8), (1.9, 2.5), (2.5, 3.0)), kept=20).outcome == "pass"


def test_a_gap_at_the_kept_step_is_flagged_though_nothing_rises() -> None:
    found = overfitting(curve((2.0, 2.1), (0.9, 1.6), (0.4, 1.5)), kept=30)
    assert found.outcome == "fail"
    assert "more than 2 times the train loss 0.4000" in found.reasons[0]


def test_a_gap_between_losses_of_almost_nothing_means_nothing() -> None:
    assert overfitting(curve((0.3, 0.3), (0.02, 0.06), (0.01, 0.05)), kept=30).outcome == "pass"


def test_two_evaluations_are_not_enough_evidence() -> None:
    found = overfitting(LEARNING[:3], kept=20)
    assert found.outcome == "not_enough_evidence"
    assert "2 evaluations" in found.reasons[0]


def test_points_between_two_evaluations_are_averaged() -> None:
    points = [
        CurvePoint(step=5 * at, epoch=at, train_loss=train, validation_loss=validation)
        for at, (train, validation) in enumerate(
            [(2.0, None), (1.0, 2.0), (1.0, None), (0.2, 1.4), (0.6, None), (0.2, 1.39)], start=1
        )
    ]
    assert "train loss 0.4000" in overfitting(points, kept=30).reasons[0]


@given(st.lists(st.floats(0.01, 5), min_size=3, max_size=20, unique=True))
def test_a_validation_loss_that_only_falls_and_stays_near_the_train_loss_is_never_flagged(losses: list[float]) -> None:
    falling = sorted(losses, reverse=True)
    points = curve(*((loss, loss * 1.05) for loss in falling))
    assert overfitting(points, kept=points[-1].step).outcome == "pass"
