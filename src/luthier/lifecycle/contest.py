"""Two measured variants set against each other: every metric, every stratum, and the rows on which they part."""

from collections.abc import Sequence

from pydantic import Field

from luthier.domain.compare import PairedDifference, superiority
from luthier.domain.reports import Case, Report
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.errors import Refused
from luthier.evaluate.compare import compare, compare_strata
from luthier.evaluate.foresight import foresee
from luthier.lifecycle.links.evaluation import report_name
from luthier.lifecycle.workspace import Workspace

SHOWN = 10


class Parted(Value):
    """Rows on which one of the two scored higher on the metric: how many, by what went wrong, and some of them."""

    metric: str
    winner: str
    why: str = Field(description="The loser's fault, or what came back where it has none.")
    rows: int
    examples: tuple[tuple[Case, Case], ...] = Field(description="The winner's case and the loser's, of some rows.")


class Contest(Value):
    """What is known of A against B on one benchmark."""

    project: str
    benchmark: str
    one: Report
    other: Report
    differences: tuple[PairedDifference, ...]
    verdicts: tuple[Verdict, ...] = Field(description="Of each difference, with rows that would decide an open one.")
    strata: dict[str, tuple[PairedDifference, ...]]
    parted: tuple[Parted, ...]
    visible: tuple[str, ...] = Field(description="What this many rows can show.")


def contests(work: Workspace, one: str, other: str, benchmark: str | None = None) -> list[Contest]:
    """A against B on every benchmark that both were measured on, or on the one named; Refused when there is none."""
    found = []
    for each in work.config.evaluation.benchmarks:
        if benchmark not in (None, each.name):
            continue
        digests = [work.latest("evaluate", report_name(name, each)) for name in (one, other)]
        if digests[0] is None or digests[1] is None:
            continue
        reports = [work.fetch(digest, Report) for digest in digests if digest is not None]
        found.append(contest(work, reports[0], reports[1], each.stratify_by))
    if not found:
        raise Refused(
            f"{one!r} and {other!r} were not both measured on {benchmark or 'any benchmark'}",
            hint=f"run `luthier evaluate run {one}` and `luthier evaluate run {other}`",
        )
    return found


def contest(work: Workspace, one: Report, other: Report, keys: Sequence[str]) -> Contest:
    """One report against another: Holm over metrics, and again over strata and metrics together."""
    metrics = [name for name in one.overall if name in other.overall]
    seed = work.config.data.seed
    differences = compare(one, [other], metrics, seed).differences
    section = next(each for each in work.config.evaluation.benchmarks if each.name == one.benchmark)
    tags = tuple(dict.fromkeys((*keys, *(("turn",) if any("turn" in case.strata for case in one.cases) else ()))))
    return Contest(
        project=work.project,
        benchmark=one.benchmark,
        one=one,
        other=other,
        differences=differences,
        verdicts=tuple(superiority(each) for each in differences),
        strata=compare_strata(one, other, metrics, tags, seed),
        parted=parted(one, other, differences),
        visible=tuple(foresee(section, len(one.cases), [one, other])),
    )


def parted(one: Report, other: Report, differences: Sequence[PairedDifference]) -> tuple[Parted, ...]:
    """Rows on which the two part by the first metric, grouped by what went wrong; the largest group first."""
    if not differences:
        return ()
    metric, sign = differences[0].metric, 1 if differences[0].wants_high else -1
    theirs = {case.example_id: case for case in other.cases}
    groups: dict[tuple[str, str], list[tuple[Case, Case]]] = {}
    for case in one.cases:
        against = theirs[case.example_id]
        if metric not in case.scores or metric not in against.scores:
            continue
        gap = sign * (case.scores[metric] - against.scores[metric])
        if gap:
            better, worse = (case, against) if gap > 0 else (against, case)
            winner = one.variant if gap > 0 else other.variant
            groups.setdefault((winner, worse.fault or "wrong answer"), []).append((better, worse))
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        Parted(metric=metric, winner=winner, why=why, rows=len(cases), examples=tuple(cases[:SHOWN]))
        for (winner, why), cases in ranked
    )
