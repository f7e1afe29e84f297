"""The training loop: step, measure, keep the best, stop when it is enough; resumable between any two steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from luthier.domain.measure import Measurement
from luthier.domain.runs import CurvePoint
from luthier.train.backends.memory import peak_memory_bytes
from luthier.train.backends.objectives.protocol import Objective, length
from luthier.train.backends.probe import Probe
from luthier.train.backends.resume import State, Tensors, load_state, moments_of, restore_moments, save_state
from luthier.train.backends.steps import Bench, Evaluation, StepResult, evaluate, take_step
from luthier.train.batches import epoch_batches
from luthier.train.config import TrainConfig
from luthier.train.position import Position, Since
from luthier.train.schedule import rate_share, steps_that_fit
from luthier.train.stopping import Best
from luthier.train.types import Interrupted, Ports, StopReason

POINTS_PER_RUN = 100


@dataclass
class Loop:
    """One run under way; `position` and the tensors on the bench are all that changes."""

    ports: Ports
    config: TrainConfig
    bench: Bench
    objective: Objective[Any]
    train: Sequence[Any]
    """Entries of the objective."""
    validation: Sequence[Any]
    seed: int
    states: Path | None
    keep_evaluated: Callable[[int], None]
    """Told of the step of each evaluation while that step's adapter is on the bench."""
    probe: Probe | None = None
    """What measures free answers at each evaluation."""
    position: Position = field(init=False)
    best_adapter: Tensors = field(init=False)
    _order: tuple[int, list[list[int]]] = field(init=False, default=(-1, []))
    _resumed_at: float = field(init=False)
    _seconds_before: float = field(init=False)
    _lengths: list[int] = field(init=False)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one pass over the training rows."""
        return -(-len(self.train) // self.config.batch_size)

    def run(self) -> StopReason:
        """Why the run ended; the adapter to keep is then on the bench."""
        self._resumed_at, self._seconds_before = self.ports.monotonic_seconds(), 0.0
        self.train = self.objective.settle(self.bench, self.train)
        self.validation = self.objective.settle(self.bench, self.validation)
        self._lengths = [length(entry) for entry in self.train]
        self._begin_or_resume()
        while (reason := self._why_stop()) is None:
            self._step()
        self.restore_best()
        return reason

    def restore_best(self) -> None:
        """The adapter to keep is on the bench: the best one, or the last one where nothing stops early."""
        self._load(self.best_adapter)

    def _begin_or_resume(self) -> None:
        state = load_state(self.states) if self.states else None
        if state is None:
            total = self.config.epochs * self.steps_per_epoch
            found = self._found()
            loss = found.loss
            self.position = Position(best=Best.first(loss), curve=(), planned_steps=total)
            start = CurvePoint(
                step=0, epoch=0.0, validation_loss=loss, validation_accuracy=found.accuracy, learning_rate=0.0,
                memory_bytes=peak_memory_bytes(self.bench.device), tasks=self._measure_tasks(),
            )  # fmt: skip
            self.position = self.position.model_copy(update={"curve": (start,), "first_step_at": self._seconds()})
            self.best_adapter = self._adapter()
            self.keep_evaluated(0)
            self.ports.progress(start, 0, total)
            return
        self.position, self.best_adapter = state.position, state.best_adapter
        self._seconds_before = state.position.seconds
        self._load(state.adapter)
        restore_moments(self.bench.optimizer, self.bench.parameters, state.moments)

    def _why_stop(self) -> StopReason | None:
        at = self.position
        if at.step == self.config.epochs * self.steps_per_epoch:
            return "finished"
        if at.best.is_enough(self.config.early_stopping):
            return "early_stopping"
        return "time_limit" if at.step >= at.planned_steps else None

    def _step(self) -> None:
        at = self.position
        started = self._seconds()
        rate = self.config.learning_rate * rate_share(
            at.step + 1, at.planned_steps, warmup_share=self.config.warmup_share, scheduler=self.config.scheduler
        )
        batch = self._batch(at.step)
        result = take_step(self.bench, self.objective, batch, self.config, rate=rate, seed=self._step_seed(at.step))
        self.position = at.model_copy(
            update={
                "step": at.step + 1,
                "examples_seen": at.examples_seen + len(batch),
                "tokens_seen": at.tokens_seen + result.tokens,
                "since": at.since.plus(result.loss_sum, result.count, result.tokens, self._seconds() - started),
            }
        )
        self._measure(result, rate)
        is_stopping = self.ports.stop_requested()
        if is_stopping or self.position.step % self.config.checkpoint_every_steps == 0:
            self._save()
        if is_stopping:
            raise Interrupted(self.position.step, is_saved=self.states is not None)

    def _measure(self, result: StepResult, rate: float) -> None:
        """A curve point where one is due, an evaluation with it where that is, and the plan fitted to the clock."""
        step = self.position.step
        fit = steps_that_fit(
            self.config.epochs * self.steps_per_epoch,
            done=step, seconds=self._seconds(), first_step_at=self.position.first_step_at,
            limit_seconds=self.config.time_limit_seconds,
        )  # fmt: skip
        is_last = step >= fit
        evaluates = is_last or step % self._evaluate_every == 0
        if not evaluates and step % max(1, fit // POINTS_PER_RUN):
            self.position = self.position.model_copy(update={"planned_steps": fit})
            return
        found = self._evaluate() if evaluates else None
        tasks = self._measure_tasks() if evaluates else {}
        point = self._point(result, rate, found, tasks)
        curve = (*self.position.curve, point)
        self.position = self.position.model_copy(
            update={"planned_steps": fit, "curve": curve, "since": Since(), "seconds": self._seconds()}
        )
        self.ports.progress(point, step, fit)

    def _measure_tasks(self) -> Mapping[str, Measurement]:
        """Figures of free answers of the adapter on the bench; their seconds are counted apart."""
        if self.probe is None:
            return {}
        began = self._seconds()
        figures = self.probe.figures(self.bench)
        spent = self._seconds() - began
        self.position = self.position.model_copy(update={"measuring_seconds": self.position.measuring_seconds + spent})
        return figures

    def _found(self) -> Evaluation:
        return evaluate(self.bench, self.objective, self.validation)

    def _evaluate(self) -> Evaluation:
        step = self.position.step
        found = self._found()
        loss = found.loss
        stopping = self.config.early_stopping
        best = self.position.best.after(step, loss, min_delta=stopping.min_delta if stopping else 0.0)
        if best.step == step:
            self.best_adapter = self._adapter()
        if stopping is None:
            best, self.best_adapter = best.model_copy(update={"step": step, "loss": loss}), self._adapter()
        self.position = self.position.model_copy(update={"best": best})
        self.keep_evaluated(step)
        return found

    def _point(
        self, result: StepResult, rate: float, found: Evaluation | None, tasks: Mapping[str, Measurement]
    ) -> CurvePoint:
        since = self.position.since
        return CurvePoint(
            step=self.position.step,
            epoch=self.position.step / self.steps_per_epoch,
            train_loss=since.loss_sum / since.count,
            validation_loss=found.loss if found else None,
            validation_accuracy=found.accuracy if found else None,
            learning_rate=rate,
            gradient_norm=result.gradient_norm,
            tokens_per_second=since.tokens / since.seconds if since.seconds > 0 else None,
            memory_bytes=peak_memory_bytes(self.bench.device),
            tasks=tasks,
        )

    def _save(self) -> None:
        if self.states is None:
            return
        position = self.position.model_copy(update={"seconds": self._seconds()})  # all of a team read its one clock
        if not self.bench.team.is_first:
            return
        moments = moments_of(self.bench.optimizer, self.bench.parameters)
        save_state(self.states, State(position, self._adapter(), self.best_adapter, moments))

    @property
    def _evaluate_every(self) -> int:
        return max(1, round(self.config.evaluate_every_epochs * self.steps_per_epoch))

    def _batch(self, step: int) -> list[Any]:
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._order[0] != epoch:
            self._order = (
                epoch,
                epoch_batches(self._lengths, self.config.batch_size, seed=self.seed, epoch=epoch),
            )
        return [self.train[index] for index in self._order[1][place]]

    def _step_seed(self, step: int) -> int:
        return self.seed * 1_000_003 + step

    def _seconds(self) -> float:
        return self._seconds_before + self.ports.monotonic_seconds() - self._resumed_at

    def _adapter(self) -> Tensors:
        return {name: parameter.detach().cpu().clone() for name, parameter in self.bench.parameters.items()}

    def _load(self, adapter: Tensors) -> None:
        with torch.no_grad():
            for name, parameter in self.bench.parameters.items():
                parameter.copy_(adapter[name])
