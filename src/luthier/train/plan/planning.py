"""The plan: one run held against every machine asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from luthier.errors import Refused
from luthier.train.plan.advice import placed, would_fit
from luthier.train.plan.compute import Work, hours_on, price_of, total_flops
from luthier.train.plan.hardware import Hardware, machine
from luthier.train.plan.memory import GIB, memory_need
from luthier.train.plan.shapes import ModelShape
from luthier.train.plan.tuning import Tuning, trainable_parameters
from luthier.train.plan.types import Placement, TrainingPlan


def plan(
    shape: ModelShape,
    tuning: Tuning,
    work: Work | None,
    machines: Mapping[str, Hardware],
    *,
    model: str,
    today: date,
    only: Sequence[str] = (),
) -> TrainingPlan:
    """What the run would train, need, take and cost on the machines in `only`, or on all of them.

    Raises:
        UnknownName: `only` names a machine that is not among `machines`.

    """
    chosen = [name for name in machines if not only or name in only]
    for name in only:
        machine(name, machines)
    flops = total_flops(shape, tuning, work) if work else None
    asked = _Asked(shape, tuning, flops, today)
    return TrainingPlan(
        model=model,
        family=shape.family,
        total_parameters=shape.total_parameters,
        trainable_parameters=trainable_parameters(shape, tuning),
        work=work,
        flops=flops,
        placements=tuple(_placement(asked, name, machines) for name in chosen),
        notes=_notes(tuning, work),
    )


def require_a_place(found: TrainingPlan) -> None:
    """Nothing where the run fits on a machine asked about; else Refused, with what would fit."""
    if found.fits_somewhere:
        return
    nearest = min(found.placements, key=lambda each: each.need.total - each.has_bytes)
    offers = "; or ".join(nearest.would_fit) or "plan with a smaller model, or with more devices"
    raise Refused(
        f"{found.model!r} (adapter: {nearest.tuning.kind}) needs {nearest.need.total / GIB:.1f} GiB on each of "
        f"{nearest.devices} x {nearest.hardware}, which has {nearest.has_bytes / GIB:.1f} GiB",
        hint=offers,
    )


@dataclass(frozen=True)
class _Asked:
    shape: ModelShape
    tuning: Tuning
    flops: int | None
    today: date


def _placement(asked: _Asked, name: str, machines: Mapping[str, Hardware]) -> Placement:
    shape, tuning, flops = asked.shape, asked.tuning, asked.flops
    here = machines[name]
    there = placed(tuning, here)
    need, has = memory_need(shape, there), round(here.memory_gib * GIB)
    hours = hours_on(here, flops, tuning.devices) if flops else None
    stale = here.staleness(asked.today)
    does_fit = need.total <= has
    return Placement(
        hardware=name,
        devices=tuning.devices,
        tuning=there,
        need=need,
        has_bytes=has,
        fits=does_fit,
        hours=hours,
        price=price_of(here, hours, tuning.devices),
        price_as_of=here.as_of.isoformat(),
        source=here.source,
        warnings=(stale,) if stale else (),
        would_fit=() if does_fit else would_fit(shape, there, name, machines),
    )


def _notes(tuning: Tuning, work: Work | None) -> tuple[str, ...]:
    said = ["memory is for the worst batch, as if every token were a target"]
    if work is None:
        said.append("no time and no price: no rows are admitted yet, so give --tokens")
    if tuning.kind == "qlora":
        said.append("unpacking 4-bit weights takes time that is not counted")
    if tuning.devices > 1:
        said.append("devices are taken to share the work without loss")
    return tuple(said)
