"""Processes that train one model together: each takes a share of every batch, and all take the same step.

Every process holds the whole model (data parallel). What a batch is, and what its loss is divided by, does not depend
on how many there are, so the loss curve is that of one process but for the order of sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist

from luthier.domain.runs import CurvePoint
from luthier.train.types import Ports

E = TypeVar("E")


@dataclass(frozen=True)
class Team:
    """The `rank`-th of `size` processes; one alone talks to nobody."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where figures travel: accelerators talk about what lies on them."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes, and tells how far they are."""
        return self.rank == 0

    def share(self, entries: Sequence[E]) -> Sequence[E]:
        """The part of the entries that falls to one process; the parts are disjoint and complete."""
        return entries[self.rank :: self.size] if self.size > 1 else entries

    def summed(self, loss_sum: float, parameters: Mapping[str, torch.nn.Parameter]) -> float:
        """The sum over all processes; the gradients of all then lie in everybody's parameters."""
        if self.size == 1:
            return loss_sum
        gradients = [parameter.grad for parameter in parameters.values() if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()
        return self.added(loss_sum)

    def added(self, figure: float) -> float:
        """The sum of everybody's figure, in double precision."""
        if self.size == 1:
            return figure
        held = torch.tensor([figure], dtype=torch.float64, device=self.device)
        dist.all_reduce(held)
        return float(held.item())

    def most(self, figure: int) -> int:
        """The largest of everybody's figures."""
        if self.size == 1:
            return figure
        held = torch.tensor([figure], dtype=torch.int64, device=self.device)
        dist.all_reduce(held, op=dist.ReduceOp.MAX)
        return int(held.item())

    def from_first(self, figure: float) -> float:
        """The first process's figure, for everybody."""
        if self.size == 1:
            return figure
        held = torch.tensor([figure], dtype=torch.float64, device=self.device)
        dist.broadcast(held, src=0)
        return float(held.item())


ALONE = Team()


@dataclass(frozen=True)
class TeamPorts:
    """One process's ports as the whole team sees them: one clock, one voice, and a stop that stops all."""

    ports: Ports
    team: Team

    @property
    def checkpoints(self) -> Path | None:
        """The folder that all resume from and the first writes to."""
        return self.ports.checkpoints

    def monotonic_seconds(self) -> float:
        """The first process's clock: decisions that depend on time must be the same for all."""
        return self.team.from_first(self.ports.monotonic_seconds())

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        """Told by the first process alone."""
        if self.team.is_first:
            self.ports.progress(point, done, of)

    def stop_requested(self) -> bool:
        """Whether any process was asked to stop."""
        return self.team.added(float(self.ports.stop_requested())) > 0
