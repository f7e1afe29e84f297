"""What a charter must say before anything is spent on it."""

from collections import Counter
from collections.abc import Iterator

from luthier.assess.config import CharterConfig, KillCriterionConfig, KpiConfig
from luthier.assess.goals import goal_faults
from luthier.assess.kpis import wrong_direction
from luthier.errors import Refused, WaitingForPerson


def check_charter(charter: CharterConfig) -> tuple[str, ...]:
    """Everything that keeps this charter from starting; empty when it may."""
    return tuple(_faults(charter))


def require_charter(charter: CharterConfig) -> None:
    """Refused, with every fault, unless the charter may start."""
    if faults := check_charter(charter):
        listed = "; ".join(faults)
        raise Refused(f"the charter may not start: {listed}", hint="edit `charter` in the project file")


def open_boxes(charter: CharterConfig) -> tuple[str, ...]:
    """Readiness boxes that nobody ticked, where the charter uses them."""
    return charter.readiness.open_boxes if charter.readiness else ()


def require_readiness(charter: CharterConfig) -> None:
    """Nothing where the boxes are not used or all ticked; WaitingForPerson names each open one and its owner."""
    boxes = open_boxes(charter)
    if charter.readiness and boxes:
        named = ", ".join(charter.readiness.open_box(name) for name in boxes)
        raise WaitingForPerson(
            f"tuning is postponed: readiness boxes are open: {named}",
            hint="their owners tick them under `charter.readiness`: {legal: {owner: ..., ticked_on: 2026-11-25}}",
        )


def _faults(charter: CharterConfig) -> Iterator[str]:
    yield from (f"`problem`: {fault}" for fault in goal_faults(charter.problem))
    if not charter.kpis:
        yield "`kpis` is empty; name at least one figure that must move, with its owner"
    for name, count in Counter(kpi.name for kpi in charter.kpis).items():
        if count > 1:
            yield f"`kpis` names {name!r} {count} times"
    for kpi in charter.kpis:
        yield from (f"KPI {kpi.name!r}: {fault}" for fault in _kpi_faults(kpi))
    if charter.kill_criterion is None:
        yield "`kill_criterion` is missing; say which KPI must have reached what, within how many weeks"
    else:
        yield from (f"`kill_criterion`: {fault}" for fault in _kill_faults(charter, charter.kill_criterion))


def _kpi_faults(kpi: KpiConfig) -> Iterator[str]:
    if not kpi.owner.strip():
        yield "it has no owner; name who answers for it"
    if kpi.now is not None and kpi.line.holds(kpi.now):
        yield f"today's {kpi.now:g} already keeps to {kpi.target!r}; there is nothing to reach"
    if fault := wrong_direction(kpi.name, kpi.line):
        yield fault


def _kill_faults(charter: CharterConfig, kill: KillCriterionConfig) -> Iterator[str]:
    kpi = next((kpi for kpi in charter.kpis if kpi.name == kill.metric), None)
    if kpi is None:
        yield f"{kill.metric!r} is none of the KPIs {[kpi.name for kpi in charter.kpis]}"
    elif kpi.line.wants_high != kill.line.wants_high:
        yield f"{kill.must_reach!r} and the target {kpi.target!r} point in opposite directions"
    elif (kill.line.limit > kpi.line.limit) == kpi.line.wants_high and kill.line.limit != kpi.line.limit:
        yield f"{kill.must_reach!r} is harder than the target {kpi.target!r}; it would kill a success"
