"""Reports against each other, row by row."""

from collections.abc import Sequence

from luthier.domain.compare import PairedDifference, holm, paired_difference
from luthier.domain.reports import Comparison, Report
from luthier.errors import MissingInput, Refused
from luthier.evaluate.metrics import Metric, chosen


def compare(report: Report, others: Sequence[Report], metrics: Sequence[str], seed: int) -> Comparison:
    """One variant against others on the same rows; p-values are corrected over all that is compared."""
    members = chosen(report.benchmark, metrics)
    found = [_difference(report, other, metric, seed=seed) for other in others for metric in members.values()]
    corrected = holm([difference.p_value for difference in found])
    differences = [
        difference.model_copy(update={"p_holm": p_holm}) for difference, p_holm in zip(found, corrected, strict=True)
    ]
    return Comparison(variant=report.variant, benchmark=report.benchmark, differences=tuple(differences))


def best_baseline(reports: Sequence[Report], metric: str) -> Report:
    """The report with the best figure; of equals the first. Picking the luckiest only makes it harder to beat."""
    [member] = chosen(reports[0].benchmark if reports else "", [metric]).values()
    measured = [report for report in reports if metric in report.overall]
    if not measured:
        raise MissingInput(f"no baseline was measured on {metric!r}", hint="run `luthier evaluate` on a baseline first")
    return max(measured, key=lambda report: report.overall[metric].value * (1 if member.wants_high else -1))


def _difference(report: Report, other: Report, metric: Metric, *, seed: int) -> PairedDifference:
    if (report.benchmark, report.gold) != (other.benchmark, other.gold):
        raise Refused(
            f"{report.variant!r} and {other.variant!r} were not measured on the same rows of {report.benchmark!r}",
            hint=f"run `luthier evaluate` again on {other.variant!r}",
        )
    mine, theirs = _scores(report, metric.name), _scores(other, metric.name)
    if mine.keys() != theirs.keys():
        raise Refused(f"the reports of {report.variant!r} and {other.variant!r} hold different rows")
    return paired_difference(
        metric.name,
        report.variant,
        other.variant,
        list(mine.values()),
        [theirs[row] for row in mine],
        seed=seed,
        wants_high=metric.wants_high,
    )


def _scores(report: Report, metric: str) -> dict[str, float]:
    if metric not in report.overall:
        raise MissingInput(
            f"{report.variant!r} was not measured on {metric!r}", hint="add it to the benchmark's `metrics`"
        )
    return {case.example_id: case.scores[metric] for case in report.cases}
