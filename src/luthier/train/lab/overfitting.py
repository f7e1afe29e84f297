"""Whether a run learned its rows by heart, told from its curve alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from luthier.domain.runs import CurvePoint
from luthier.domain.verdicts import Verdict

FEWEST_EVALUATIONS = 3
RISE = 0.02
"""Of the lowest validation loss: less than this is the noise between two evaluations."""
RISING_FOR = 2
"""Evaluations in a row after the lowest; a single bad one is no trend."""
RATIO, LEAST_GAP = 2.0, 0.1
"""Validation loss against train loss, and nats between them: tiny losses differ by large factors and mean nothing."""


@dataclass(frozen=True)
class _Evaluation:
    step: int
    train: float
    """Mean over the points since the evaluation before."""
    validation: float


def overfitting(curve: Sequence[CurvePoint], *, kept: int) -> Verdict:
    """Fail where the run overfits, with the figures; what was kept may still be good, and the reasons say so.

    Two signs: the validation loss rises while the train loss goes on falling, and at the kept step the model already
    knows its own rows far better than rows it never saw.
    """
    found = _evaluations(curve)
    if len(found) < FEWEST_EVALUATIONS:
        told = f"{len(found)} evaluations with a train loss, at least {FEWEST_EVALUATIONS} are needed"
        return Verdict(outcome="not_enough_evidence", reasons=(f"{told}; lower train.evaluate_every_epochs",))
    signs = [sign for sign in (_rise(found, kept), _gap(found, kept)) if sign]
    if signs:
        return Verdict(outcome="fail", reasons=tuple(signs))
    last = found[-1]
    calm = f"validation loss {last.validation:.4f} and train loss {last.train:.4f} at step {last.step}"
    return Verdict(outcome="pass", reasons=(f"neither rises nor parts from the train loss: {calm}",))


def _evaluations(curve: Sequence[CurvePoint]) -> list[_Evaluation]:
    places = [at for at, point in enumerate(curve) if point.validation_loss is not None]
    found = []
    for before, at in pairwise([-1, *places]):
        train = [point.train_loss for point in curve[before + 1 : at + 1] if point.train_loss is not None]
        validation = curve[at].validation_loss
        if train and validation is not None:
            found.append(_Evaluation(curve[at].step, sum(train) / len(train), validation))
    return found


def _rise(found: Sequence[_Evaluation], kept: int) -> str | None:
    low = min(found, key=lambda each: each.validation)
    later = [each for each in found if each.step > low.step]
    rising = [each for each in later if each.validation > low.validation * (1 + RISE)]
    if len(later) < RISING_FOR or rising != later or later[-1].train >= low.train:
        return None
    last = later[-1]
    saved = " (the kept adapter is from before)" if kept <= low.step else ""
    return (
        f"after step {low.step} the validation loss rises from {low.validation:.4f} to {last.validation:.4f} while the "
        f"train loss falls from {low.train:.4f} to {last.train:.4f}{saved}"
    )


def _gap(found: Sequence[_Evaluation], kept: int) -> str | None:
    at = next((each for each in found if each.step == kept), None)
    if at is None or at.validation < RATIO * at.train or at.validation - at.train < LEAST_GAP:
        return None
    return (
        f"at the kept step {kept} the validation loss {at.validation:.4f} is more than {RATIO:g} times the train loss "
        f"{at.train:.4f}: more rows, a lower rank or some dropout would help"
    )
