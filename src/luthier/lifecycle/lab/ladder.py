"""The ladder climbed: each rung trained, measured on every benchmark, and put before the gate.

Nothing is kept of the climb itself: every rung's run, reports and gate are links of their own, so a second call finds
them unchanged and goes on where the first one was.
"""

from luthier.domain.releases import GateDecision
from luthier.domain.value import Value
from luthier.errors import MissingInput, WaitingForPerson
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.forgetting import settle_forgetting
from luthier.lifecycle.lab.order import Order
from luthier.lifecycle.links.evaluation import settle_report
from luthier.lifecycle.links.release import settle_gate
from luthier.lifecycle.links.training import adapter_variants, settle_run
from luthier.lifecycle.workspace import Workspace
from luthier.train.lab.ladder import (
    RUNGS,
    AskForJustification,
    Command,
    LadderState,
    Rung,
    Stop,
    Tried,
    begin,
    due,
    settings_on,
    step,
)


class Climb(Value):
    """How far a climb came, and what is to be done now."""

    variant: str
    state: LadderState
    command: Command


def climb(work: Workspace, variants: Variants, name: str, *, rungs: tuple[Rung, ...] = RUNGS) -> Climb:
    """The climb of one variant up to the first rung that is enough, or to what a person must do."""
    if name not in {variant.name for variant in adapter_variants(work, variants)}:
        raise MissingInput(f"{name!r} carries no adapter, so there is nothing to climb", hint="name a tuned variant")
    state, justification = begin(rungs), work.config.train.justification
    while True:
        command = due(state, justification=justification)
        work.voice.say(f"ladder: {command.reason}")
        if isinstance(command, Stop | AskForJustification):
            return Climb(variant=name, state=state, command=command)
        state = step(state, _try(work, variants, name, command.rung, justification))


def require_enough(found: Climb) -> None:
    """Nothing where a rung was enough; else who must do what."""
    if isinstance(found.command, AskForJustification):
        raise WaitingForPerson(
            found.command.reason, hint='say why in the project file: train.justification: "..." with adapter.kind: none'
        )


def label_of(rung: Rung) -> str:
    """How the run, the reports and the gate of a rung are called."""
    return f"ladder-{rung}"


def _try(work: Workspace, variants: Variants, name: str, rung: Rung, justification: str | None) -> Tried:
    label, config = label_of(rung), settings_on(work.config.train, rung, justification=justification)
    run = settle_run(work, variants, Order(label, config)).digest
    variant = variants.of(name, run=label)
    for benchmark in work.config.evaluation.benchmarks:
        settle_report(work, variants, variant, benchmark, label=label)
    if work.config.evaluation.forgetting is not None:
        settle_forgetting(work, variants, variant)
    decision = work.fetch(settle_gate(work, variants, variant, label=label).digest, GateDecision)
    return Tried(rung=rung, run=run, verdict=decision.verdict)
