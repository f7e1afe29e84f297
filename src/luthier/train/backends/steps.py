"""One optimizer step and one evaluation: the arithmetic on tensors, nothing about when or how often."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from luthier.train.backends.base_model import Machine
from luthier.train.backends.encode import Encoded
from luthier.train.backends.faults import check_finite, check_length
from luthier.train.backends.objectives.protocol import Entry, Objective, length
from luthier.train.backends.optimizers import optimizer_for
from luthier.train.backends.references import References
from luthier.train.backends.scoring import score
from luthier.train.backends.sheets import common_start
from luthier.train.backends.team import ALONE, Team
from luthier.train.batches import micro_batches
from luthier.train.config import TrainConfig

LANES = 2
NOTHING = Encoded("", (0, 1), (False, True))
"""A text that says nothing."""


@dataclass(frozen=True)
class StepResult:
    """What one step saw."""

    loss_sum: float
    count: int
    """What the sum is divided by: target tokens, pairs or judgements."""
    tokens: int
    gradient_norm: float


@dataclass(frozen=True)
class Evaluation:
    """What a model is worth on held-out entries."""

    loss: float
    accuracy: float | None
    """Share of preferences that it shares."""


@dataclass(frozen=True)
class Bench:
    """The mutable things of a run: model and optimizer, on their machine."""

    model: Any
    optimizer: torch.optim.Optimizer
    parameters: dict[str, torch.nn.Parameter]
    machine: Machine
    micro_batch_tokens: int
    references: References
    reads_sheets: bool
    """Whether the model takes rows laid out flat; if not they are padded."""
    lanes: ThreadPoolExecutor | None = None
    """Two threads of one core each that share nothing until their gradients are summed; None is one pass."""
    team: Team = ALONE
    """The processes that each hold this bench and take a share of every batch."""
    is_sharded: bool = False
    """Whether the frozen weights lie in shares, so that all must run the model equally often."""

    @classmethod
    def of(
        cls,
        model: Any,
        parameters: dict[str, torch.nn.Parameter],
        machine: Machine,
        config: TrainConfig,
        *,
        references: References,
        reads_sheets: bool,
        team: Team = ALONE,
    ) -> "Bench":
        """A bench with a fresh optimizer."""
        return cls(
            model, optimizer_for(list(parameters.values()), config), parameters, machine, config.micro_batch_tokens,
            references, reads_sheets, _lanes(machine, config), team, config.is_sharded,
        )  # fmt: skip

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.machine.device

    def sums(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """Log-probability of each text's targets together, without gradients or dropout, in the order of `texts`."""
        was_training = self.model.training
        self.model.eval()
        found = torch.zeros(len(texts), device=self.device)
        with torch.no_grad():
            for part in micro_batches(range(len(texts)), [len(t.tokens) for t in texts], self.micro_batch_tokens):
                scored = score(self.model, [texts[at] for at in part], self.machine, reads_sheets=self.reads_sheets)
                found[torch.tensor(part, device=self.device)] = scored.sums
        self.model.train(was_training)
        return found

    def reference_sums(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """The same of the model without its adapter; of a model without one, as long as no step was taken."""

        def compute(texts: Sequence[Encoded]) -> torch.Tensor:
            with self.model.disable_adapter() if hasattr(self.model, "disable_adapter") else nullcontext():
                return self.sums(texts)

        return self.references.of(texts, compute).to(self.device)


def take_step(
    bench: Bench, objective: Objective[Any], batch: Sequence[Any], config: TrainConfig, *, rate: float, seed: int
) -> StepResult:
    """The model moved once by the mean loss of `batch`; EngineFault where it is no number or its gradient explodes.

    The random state is set anew for every step, so that a resumed run drops out what an unbroken one would have.
    """
    torch.manual_seed(seed)
    bench.model.train()
    entries = objective.ready(bench, batch, seed=seed)
    count = objective.count(entries)
    loss_sum = bench.team.summed(_gradients(bench, objective, bench.team.share(entries), count), bench.parameters)
    norm = torch.nn.utils.clip_grad_norm_(bench.parameters.values(), config.max_gradient_norm).item()
    check_finite(loss_sum, norm)
    check_length(norm, config)
    for group in bench.optimizer.param_groups:
        group["lr"] = rate
    bench.optimizer.step()
    bench.optimizer.zero_grad(set_to_none=True)
    return StepResult(loss_sum, count, sum(length(entry) for entry in entries), norm)


def evaluate(bench: Bench, objective: Objective[Any], held_out: Sequence[Any]) -> Evaluation:
    """The mean loss over `held_out` without dropout, and preferences shared; EngineFault where it is no number."""
    bench.model.eval()
    entries = objective.ready(bench, held_out, seed=None)
    loss_sum, agreements = 0.0, 0
    has_preferences = True
    with torch.no_grad():
        for part in _even_parts(bench, bench.team.share(entries)):
            if not part:
                _idle(bench)
                continue
            scored = _scored(bench, part)
            loss_sum += objective.loss(scored, part).item()
            agreed = objective.agreements(scored, part)
            has_preferences = agreed is not None
            agreements += agreed or 0
    loss_sum, agreements = bench.team.added(loss_sum), round(bench.team.added(agreements))
    check_finite(loss_sum)
    return Evaluation(loss_sum / objective.count(entries), agreements / len(entries) if has_preferences else None)


def _lanes(machine: Machine, config: TrainConfig) -> ThreadPoolExecutor | None:
    """On two cores and more, two independent halves beat one pass whose small products wait for each other.

    Dropout draws from one random state, whose order two threads would not keep: it stays in one lane.
    """
    if machine.device.type != "cpu" or torch.get_num_threads() < LANES or config.adapter.dropout > 0:
        return None
    if config.is_sharded:  # two threads would gather layers in an order that differs from process to process
        return None
    return ThreadPoolExecutor(LANES, "lane", initializer=torch.set_num_threads, initargs=(1,))


def _gradients(bench: Bench, objective: Objective[Any], entries: Sequence[Any], count: int) -> float:
    """The summed loss of `entries`; its mean's gradients lie in the parameters, summed in a fixed order."""
    ordered = sorted(entries, key=_cost)
    shares = [ordered[lane::LANES] for lane in range(LANES)] if bench.lanes and len(ordered) >= LANES else [ordered]

    def work(share: Sequence[Any]) -> tuple[float, list[torch.Tensor]]:
        return _share(bench, objective, share, count)

    found = list(bench.lanes.map(work, shares)) if bench.lanes else [work(share) for share in shares]
    for parameter, *gradients in zip(bench.parameters.values(), *(share[1] for share in found), strict=True):
        parameter.grad = gradients[0].add_(gradients[1]) if len(gradients) > 1 else gradients[0]
    return sum(share[0] for share in found)


def _share(
    bench: Bench, objective: Objective[Any], entries: Sequence[Any], count: int
) -> tuple[float, list[torch.Tensor]]:
    loss_sum = 0.0
    parameters = list(bench.parameters.values())
    total: list[torch.Tensor] = []
    for part in _even_parts(bench, entries):
        loss = objective.loss(_scored(bench, part), part) if part else _idle(bench)
        found = torch.autograd.grad(loss / count, parameters)
        total = [so_far.add_(new) for so_far, new in zip(total, found, strict=True)] if total else list(found)
        loss_sum += loss.item()
    return loss_sum, total or [torch.zeros_like(parameter) for parameter in parameters]


def _parts(bench: Bench, entries: Sequence[Any]) -> list[list[Any]]:
    parts = micro_batches(range(len(entries)), [_cost(entry) for entry in entries], bench.micro_batch_tokens)
    return [[entries[at] for at in part] for part in parts]


def _even_parts(bench: Bench, entries: Sequence[Any]) -> list[list[Any]]:
    """The parts, with empty ones behind them where others of the team have more and wait for everybody's weights."""
    parts = _parts(bench, entries)
    return [*parts, *([[]] * (bench.team.most(len(parts)) - len(parts) if bench.is_sharded else 0))]


def _idle(bench: Bench) -> torch.Tensor:
    """Nought, by a pass of the model over two tokens: the others need this process's share of the weights."""
    return score(bench.model, [NOTHING], bench.machine, reads_sheets=bench.reads_sheets).log_probs.sum() * 0.0


def _scored(bench: Bench, entries: Sequence[Any]) -> Any:
    texts = [text for entry in entries for text in entry.texts]
    return score(bench.model, texts, bench.machine, reads_sheets=bench.reads_sheets)


def _cost(entry: Entry) -> int:
    """Tokens of an entry in memory: what its texts begin with counts once."""
    first, *others = (text.ids for text in entry.texts)
    return len(first) + sum(len(other) - common_start(first, other) for other in others)
