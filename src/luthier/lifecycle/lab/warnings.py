"""What an approver should know of the run behind an adapter, and no check of the gate enforces."""

from luthier.domain.runs import TrainingRun
from luthier.domain.variants import Variant
from luthier.lifecycle.lab.forgetting import forgetting_of
from luthier.lifecycle.workspace import Workspace
from luthier.train.lab.overfitting import overfitting


def run_warnings(work: Workspace, variant: Variant, label: str) -> tuple[str, ...]:
    """What the run behind an adapter makes an approver think twice of."""
    if variant.adapter is None:
        return ()
    training = work.fetch(work.require("train", label), TrainingRun)
    flag = overfitting(training.curve, kept=training.best_step)
    told = [f"overfitting: {reason}" for reason in flag.reasons] if flag.outcome == "fail" else []
    if work.config.evaluation.forgetting is None:
        told.append(f"{_general_ability(work, variant.adapter)} (evaluation.forgetting is not set)")
    return tuple(told)


def _general_ability(work: Workspace, adapter: str) -> str:
    """What is known of it where the gate is not asked to judge it."""
    found = forgetting_of(work, adapter)
    if found is None:
        return "general ability was not measured before and after tuning"
    return f"general ability is no check of the gate: {'; '.join(found.verdict.reasons)}"
