"""The escalation ladder (R64): from the cheapest way to tune to the dearest, only as far as the gate asks."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.train.config import TrainConfig
from luthier.train.lab.settings import validated

Rung = Literal["qlora", "lora", "full"]
RUNGS: tuple[Rung, ...] = ("qlora", "lora", "full")
MEANT: Mapping[Rung, str] = {
    "qlora": "an adapter on the base in 4 bits",
    "lora": "an adapter on the base in full precision",
    "full": "every weight",
}
_KINDS: Mapping[Rung, str] = {"qlora": "qlora", "lora": "lora", "full": "none"}


class Tried(Value):
    """One rung with what the gate said of it."""

    rung: Rung
    run: str = Field(description="Digest of the training run.")
    verdict: Verdict


class LadderState(Value):
    """How far a ladder has been climbed; the first rung that is not in `tried` is where it stands."""

    rungs: tuple[Rung, ...] = RUNGS
    tried: tuple[Tried, ...] = ()

    @property
    def standing(self) -> Rung | None:
        """The rung to try now; None where all were tried."""
        left = self.rungs[len(self.tried) :]
        return left[0] if left else None


class Try(Value):
    """Train on this rung and ask the gate."""

    kind: Literal["try"] = "try"
    rung: Rung
    reason: str


class Stop(Value):
    """Climb no further."""

    kind: Literal["stop"] = "stop"
    outcome: Literal["good_enough", "measure_more", "top_reached"]
    reason: str


class AskForJustification(Value):
    """A person must say why every weight has to train before that is tried (R62)."""

    kind: Literal["ask_for_justification"] = "ask_for_justification"
    rung: Rung
    reason: str


Command = Try | Stop | AskForJustification


def begin(rungs: Sequence[Rung] = RUNGS) -> LadderState:
    """A ladder of these rungs in their order of cost, none tried yet."""
    return LadderState(rungs=tuple(rung for rung in RUNGS if rung in rungs))


def step(state: LadderState, tried: Tried) -> LadderState:
    """The ladder after the gate's word on the rung it stands on; word of another rung, or after the end, is ignored."""
    has_ended = any(each.verdict.outcome != "fail" for each in state.tried)
    if has_ended or tried.rung != state.standing:
        return state
    return state.model_copy(update={"tried": (*state.tried, tried)})


def due(state: LadderState, *, justification: str | None) -> Command:
    """What is to be done now; a dearer rung needs a failed gate below it, and the last one a justification."""
    last = state.tried[-1] if state.tried else None
    if last is not None and last.verdict.outcome == "pass":
        return Stop(outcome="good_enough", reason=f"{last.rung} passes the gate: {_first(last.verdict)}")
    if last is not None and last.verdict.outcome == "not_enough_evidence":
        said = f"the gate cannot tell yet whether {last.rung} is enough: {_first(last.verdict)}"
        return Stop(outcome="measure_more", reason=f"{said}; a dearer rung would be measured no better")
    rung = state.standing
    if rung is None:
        told = f"{last.rung} fails the gate, and no rung is left: {_first(last.verdict)}" if last else "no rung is left"
        return Stop(outcome="top_reached", reason=f"{told}; better data or another base model may help")
    reason = f"{last.rung} fails the gate: {_first(last.verdict)}" if last else "the cheapest rung comes first"
    if rung == "full" and justification is None:
        return AskForJustification(rung=rung, reason=f"{reason}; {MEANT[rung]} would train next")
    return Try(rung=rung, reason=f"{reason}; {MEANT[rung]} comes next")


def settings_on(config: TrainConfig, rung: Rung, *, justification: str | None) -> TrainConfig:
    """The project's settings with the adapter of this rung; nothing else differs, so that rungs compare."""
    written = config.model_dump()
    if rung == "full":
        full = {**written, "adapter": {"kind": "none"}, "justification": justification}
        return validated(full, told="every weight trained")
    adapter = {**written["adapter"], "kind": _KINDS[rung]}
    return validated({**written, "adapter": adapter, "justification": None}, told=f"adapter.kind {_KINDS[rung]}")


def _first(verdict: Verdict) -> str:
    return verdict.reasons[0] if verdict.reasons else verdict.outcome
