"""Reports against each other, row by row."""

from collections.abc import Sequence

import numpy as np

from luthier.domain.compare import PairedDifference, Pairing, holm, paired_differences
from luthier.domain.reports import Case, Comparison, Report
from luthier.errors import MissingInput, Refused
from luthier.evaluate.metrics import Metric, Pooled, chosen
from luthier.evaluate.strata import members_of

CONFIDENCE = 0.95
Pair = tuple[Case, Case]


def compare(report: Report, others: Sequence[Report], metrics: Sequence[str], seed: int) -> Comparison:
    """One variant against others on the same rows; p-values are corrected over all that is compared."""
    members = chosen(report.benchmark, metrics)
    for other in others:
        _refuse_other_rows(report, other)
    found = [_difference(report, other, metric, seed=seed) for other in others for metric in members.values()]
    return Comparison(variant=report.variant, benchmark=report.benchmark, differences=_corrected(found))


def compare_strata(
    report: Report, other: Report, metrics: Sequence[str], keys: Sequence[str], seed: int
) -> dict[str, tuple[PairedDifference, ...]]:
    """`key=value` -> difference per metric on that stratum's rows; corrected over all strata and metrics together."""
    _refuse_other_rows(report, other)
    theirs = {case.example_id: case for case in other.cases}
    found, places = [], []
    for stratum, rows in members_of(report.cases, keys).items():
        cases = [report.cases[place] for place in rows]
        part = report.model_copy(update={"cases": tuple(cases)})
        against = other.model_copy(update={"cases": tuple(theirs[case.example_id] for case in cases)})
        for metric in chosen(report.benchmark, metrics).values():
            if any(metric.name in case.scores for case in cases):
                found.append(_difference(part, against, metric, seed=seed))
                places.append(stratum)
    together: dict[str, list[PairedDifference]] = {}
    for stratum, difference in zip(places, _corrected(found), strict=True):
        together.setdefault(stratum, []).append(difference)
    return {stratum: tuple(differences) for stratum, differences in together.items()}


def best_baseline(reports: Sequence[Report], metric: str) -> Report:
    """The report with the best figure; of equals the first. Picking the luckiest only makes it harder to beat."""
    [member] = chosen(reports[0].benchmark if reports else "", [metric]).values()
    measured = [report for report in reports if metric in report.overall]
    if not measured:
        raise MissingInput(f"no baseline was measured on {metric!r}", hint="run `luthier evaluate` on a baseline first")
    return max(measured, key=lambda report: report.overall[metric].value * (1 if member.wants_high else -1))


def _corrected(found: Sequence[PairedDifference]) -> tuple[PairedDifference, ...]:
    p_values = holm([difference.p_value for difference in found])
    return tuple(one.model_copy(update={"p_holm": p_holm}) for one, p_holm in zip(found, p_values, strict=True))


def _refuse_other_rows(report: Report, other: Report) -> None:
    if (report.benchmark, report.gold) != (other.benchmark, other.gold):
        raise Refused(
            f"{report.variant!r} and {other.variant!r} were not measured on the same rows of {report.benchmark!r}",
            hint=f"run `luthier evaluate` again on {other.variant!r}",
        )
    if {case.example_id for case in report.cases} != {case.example_id for case in other.cases}:
        raise Refused(f"the reports of {report.variant!r} and {other.variant!r} hold different rows")


def _difference(report: Report, other: Report, metric: Metric, *, seed: int) -> PairedDifference:
    pairs = _both(report, other, metric.name)
    pairing = Pairing(
        metric=metric.name,
        variant=report.variant,
        other=other.variant,
        scores=[mine.scores[metric.name] for mine, _ in pairs],
        other_scores=[theirs.scores[metric.name] for _, theirs in pairs],
        groups=[mine.group for mine, _ in pairs],
        wants_high=metric.wants_high,
    )
    [found] = paired_differences([pairing], seed=seed, confidence=CONFIDENCE)
    return found if metric.pooled is None else _pooled(found, metric.pooled, pairs, seed=seed)


def _pooled(found: PairedDifference, pooled: Pooled, pairs: Sequence[Pair], *, seed: int) -> PairedDifference:
    """The difference of two figures that rows make together; both are counted on the same resampled rows."""
    said = [(case.answer.text, case.ideal) for pair in zip(*pairs, strict=True) for case in pair]
    tallies = pooled.tallies(said)  # of both at once, so that labels have the same columns
    one, other = np.split(tallies, 2)
    difference, low, high, p_value = pooled.difference(one, other, seed=seed, confidence=CONFIDENCE)
    fresh = {"difference": difference, "low": low, "high": high, "p_value": p_value, "p_mid": None, "clusters": None}
    return found.model_copy(update=fresh)


def _both(report: Report, other: Report, metric: str) -> list[Pair]:
    """The cases of both that the metric scored, in the order of the first; MissingInput where it was not measured."""
    for each in (report, other):
        if metric not in each.overall:
            raise MissingInput(
                f"{each.variant!r} was not measured on {metric!r}", hint="add it to the benchmark's `metrics`"
            )
    theirs = {case.example_id: case for case in other.cases}
    pairs = [(case, theirs[case.example_id]) for case in report.cases]
    return [(mine, their) for mine, their in pairs if metric in mine.scores and metric in their.scores]
