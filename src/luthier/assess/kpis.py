"""The figures that businesses watch, which way each is better, and how they moved."""

from collections.abc import Mapping
from typing import Literal

from luthier.assess.config import KpiConfig
from luthier.domain.measure import Measurement
from luthier.domain.reports import Report
from luthier.domain.value import Value
from luthier.domain.verdicts import Threshold, Verdict, judge
from luthier.errors import UserError

Better = Literal["higher", "lower"]

KNOWN_KPIS: Mapping[str, Better] = {
    "ticket_deflection": "higher",
    "csat": "higher",
    "handle_time": "lower",
    "first_response_time": "lower",
    "error_rate": "lower",
    "human_escalations": "lower",
    "conversion": "higher",
    "lead_qualification_time": "lower",
    "pr_cycle_time": "lower",
    "support_quality": "higher",
    "sales_cycle_length": "lower",
    "analyst_throughput": "higher",
    "latency": "lower",
    "cost_per_interaction": "lower",
    "invalid_tool_calls": "lower",
}
_MEASURED_AS: Mapping[str, str] = {"invalid_tool_calls": "invalid_call"}
_COMPLEMENTS: Mapping[str, tuple[str, ...]] = {"invalid_call": ("schema_valid", "valid_call")}


class KpiChange(Value):
    """One KPI of one pilot cohort before and after, and whether it reached its target."""

    name: str
    cohort: str
    before: Measurement
    after: Measurement
    verdict: Verdict

    @property
    def difference(self) -> float:
        """After minus before, in the KPI's own unit."""
        return self.after.value - self.before.value


def kpi_change(kpi: KpiConfig, cohort: str, before: Measurement, after: Measurement) -> KpiChange:
    """How the KPI moved in the cohort, judged by its bound and not by its point."""
    if before.metric != after.metric:
        raise UserError(
            f"KPI {kpi.name!r} compares {before.metric!r} with {after.metric!r}", hint="measure the same thing twice"
        )
    return KpiChange(name=kpi.name, cohort=cohort, before=before, after=after, verdict=judge(after, kpi.line))


def figure_of(kpi: KpiConfig, report: Report) -> Measurement | None:
    """What the report says of the KPI, or None where only production can tell."""
    metric = kpi.metric or (kpi.name if kpi.name in report.overall else _MEASURED_AS.get(kpi.name, kpi.name))
    if metric in report.overall:
        return report.overall[metric]
    for other in _COMPLEMENTS.get(metric, ()):
        figure = report.overall.get(other)
        if figure is not None and figure.hits is not None:
            return Measurement.of_proportion(metric, figure.n - figure.hits, n=figure.n)
    return None


def wrong_direction(kpi: str, line: Threshold) -> str | None:
    """Why the line points the wrong way for a known KPI, or None."""
    better = KNOWN_KPIS.get(kpi)
    if better is None or (better == "higher") == line.wants_high:
        return None
    return f"{kpi!r} is better {better}, and {str(line)!r} asks for the opposite"
