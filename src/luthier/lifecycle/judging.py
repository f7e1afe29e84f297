"""Judges of this project: examined on people's labels, asked of variants, and told to the gate."""

from luthier.domain.digests import digest_of
from luthier.domain.judged import Judged
from luthier.domain.reports import Report
from luthier.domain.variants import Variant
from luthier.domain.verdicts import Verdict
from luthier.errors import MissingInput, Refused, UnknownName
from luthier.evaluate.config import BenchmarkConfig
from luthier.evaluate.judges.config import JudgeConfig
from luthier.evaluate.judges.labels import read_labels
from luthier.evaluate.judges.licence import Licence, examine, labels_digest
from luthier.evaluate.judges.panel import opinions
from luthier.evaluate.judges.questions import WORDING
from luthier.evaluate.judges.verdicts import JudgeReport, judged
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.asking import Asked
from luthier.lifecycle.links.evaluation import report_name
from luthier.lifecycle.workspace import Settled, Workspace

VERSION = 1
LICENCE, JUDGED = "licence", "judged"
LIBRARIES = ("numpy", "scipy")
_ASKED_WITH = {"licence", "labels", "benchmark", "against", "threshold"}
"""What a judge is asked for, and not how: a new line needs no new licence."""


def judge_section(work: Workspace, name: str) -> JudgeConfig:
    """The section of a judge; UnknownName where the project has none of that name."""
    judges = work.config.evaluation.judges
    if name not in judges:
        raise UnknownName("judge", name, judges.keys())
    return judges[name]


def settle_licence(work: Workspace, variants: Variants, name: str) -> Settled:
    """The judge's examination on people's labels; examined anew only where judge or labels have changed."""
    config = judge_section(work, name)
    if config.labels is None:
        raise MissingInput(
            f"judge {name!r} names no labels to be examined on",
            hint=f"add `evaluation.judges.{name}.labels`, a file of answers that people judged",
        )
    rows = read_labels(work.file(config.labels), config)
    who = judge_digest(work, variants, name)
    return work.settle(
        LICENCE,
        name,
        version_number=VERSION,
        section=config.licence.model_dump(mode="json"),
        inputs={"judge": who, "labels": labels_digest(rows)},
        libraries=LIBRARIES,
        perform=lambda: _examine(work, variants, name, who),
    )


def settle_judged(work: Workspace, variants: Variants, name: str, variant: Variant, *, label: str = "") -> Settled:
    """What a judge makes of a variant's last answers; nothing is asked twice."""
    config = judge_section(work, name)
    if config.kind == "pairwise" and config.against is None:
        raise Refused(f"judge {name!r} compares, and has nothing to compare with", hint="name a variant as `against`")
    if config.against == variant.name:
        raise Refused(f"{variant.name!r} is what others are to be better than", hint="judge another variant")
    seen = _reports_seen(work, name, variant.name, label)
    reports = {each: work.require("evaluate", report) for each, report in seen.items()}
    who = judge_digest(work, variants, name)
    return work.settle(
        JUDGED,
        _judged_name(name, variant.name, label),
        version_number=VERSION,
        section=config.threshold,
        inputs={"judge": who, **reports},
        libraries=LIBRARIES,
        perform=lambda: _judge(work, variants, name, list(reports.values()), who),
    )


def settle_all_judged(work: Workspace, variants: Variants, variant: Variant) -> None:
    """Every judge with a line, asked of a variant; none where the project names none."""
    for name in _judges_of(work, variant.name):
        settle_judged(work, variants, name, variant)


def judge_evidence(work: Workspace, variants: Variants, variant: Variant, *, label: str = "") -> tuple[Judged, ...]:
    """What the gate is told: every judge with a line, its verdict on this variant, and whether its licence stands."""
    return tuple(_evidence(work, variants, name, variant, label) for name in _judges_of(work, variant.name))


def judge_digest(work: Workspace, variants: Variants, name: str) -> str:
    """Digest of all that changes a judge's verdicts: its words, how it is asked, its model's section and weights."""
    config = judge_section(work, name)
    asked_with = config.model_dump(mode="json", exclude=_ASKED_WITH)
    return digest_of({"wording": WORDING, "config": asked_with, "model": variants.model_ref(config.model).digest})


def standing_licence(work: Workspace, variants: Variants, name: str) -> tuple[bool, str]:
    """Whether a judge may gate as it is now, and why."""
    digest = work.latest(LICENCE, name)
    if digest is None:
        return False, f"it holds no licence; luthier evaluate license-judge {name}"
    found = work.fetch(digest, Licence)
    if found.judge_digest != judge_digest(work, variants, name):
        return False, f"its licence was given to another state of it; luthier evaluate license-judge {name}"
    if found.asked_for != judge_section(work, name).licence:
        return False, f"its licence was given on other terms; luthier evaluate license-judge {name}"
    if found.labels != _labels_now(work, name):
        return False, f"the labels of its licence have changed; luthier evaluate license-judge {name}"
    if found.verdict.outcome != "pass":
        return False, f"its licence was refused: {'; '.join(found.verdict.reasons)}"
    return True, f"licensed on {found.n} labelled items, kappa {found.agreement.value:.3f}"


def _labels_now(work: Workspace, name: str) -> str | None:
    config = judge_section(work, name)
    return labels_digest(read_labels(work.file(config.labels), config)) if config.labels else None


def _judges_of(work: Workspace, variant: str) -> list[str]:
    judges = work.config.evaluation.judges
    return [name for name, each in judges.items() if each.line is not None and each.against != variant]


def _evidence(work: Workspace, variants: Variants, name: str, variant: Variant, label: str) -> Judged:
    may_gate, why = standing_licence(work, variants, name)
    verdict = _standing_verdict(work, variants, name, variant, label)
    return Judged(judge=name, verdict=verdict, is_licensed=may_gate, licence=why)


def _standing_verdict(work: Workspace, variants: Variants, name: str, variant: Variant, label: str) -> Verdict:
    """The judge's verdict on the answers that stand; no evidence where it has not seen just those."""
    row = work.store.links.latest(work.project, JUDGED, _judged_name(name, variant.name, label))
    digest = work.latest(JUDGED, _judged_name(name, variant.name, label))
    found = work.fetch(digest, JudgeReport) if digest else None
    if row is None or found is None or found.verdict is None or not _is_current(work, variants, variant, found):
        missing = f"judge {name!r} has not seen the answers of {variant.name!r} as they are"
        return Verdict(outcome="not_enough_evidence", reasons=(f"{missing}; luthier evaluate judge {name}",))
    answers = {work.latest("evaluate", each) for each in _reports_seen(work, name, variant.name, label).values()}
    if not answers <= set(row.parents):
        missing = f"judge {name!r} has seen earlier answers of {variant.name!r}"
        return Verdict(outcome="not_enough_evidence", reasons=(f"{missing}; luthier evaluate judge {name}",))
    return found.verdict


def _is_current(work: Workspace, variants: Variants, variant: Variant, found: JudgeReport) -> bool:
    """Whether judge and variant are those that the report is of, and its line is the one drawn now."""
    config = judge_section(work, found.judge)
    same = (found.variant_digest, found.judge_digest) == (variant.digest, judge_digest(work, variants, found.judge))
    return same and found.line == config.threshold


def _reports_seen(work: Workspace, name: str, variant: str, label: str) -> dict[str, str]:
    """Variant -> the report whose answers the judge is shown."""
    config = judge_section(work, name)
    benchmark = _benchmark(work, config)
    seen = {variant: report_name(variant, benchmark, label=label)}
    if config.kind == "pairwise" and config.against is not None:
        seen[config.against] = report_name(config.against, benchmark)
    return seen


def _examine(work: Workspace, variants: Variants, name: str, who: str) -> str:
    config = judge_section(work, name)
    rows = read_labels(work.file(config.labels or ""), config)
    given = opinions(_asked(work, variants, name), config, [row.item for row in rows])
    found = examine(name, config, rows, given, judge_digest=who)
    work.voice.say(f"licence of {name}: {found.verdict.outcome.replace('_', ' ')}: {found.verdict.reasons[0]}")
    return work.keep(found, kind="licence")


def _judge(work: Workspace, variants: Variants, name: str, reports: list[str], who: str) -> str:
    config = judge_section(work, name)
    report, *others = [work.fetch(digest, Report) for digest in reports]
    other = others[0] if others else None
    found = judged(_asked(work, variants, name), name, config, report, other, judge_digest=who)
    said = f"{found.figure.value:.3f} [{found.figure.low:.3f}, {found.figure.high:.3f}]"
    work.voice.say(f"judge {name} on {report.variant}: {found.figure.metric} {said} (n = {found.figure.n})")
    return work.keep(found, kind="judged", parents=reports)


def _asked(work: Workspace, variants: Variants, name: str) -> Asked:
    model = judge_section(work, name).model
    return Asked(work, variants.model_ref(model), variants.engine(model), f"judge {name}")


def _benchmark(work: Workspace, config: JudgeConfig) -> BenchmarkConfig:
    benchmarks = {each.name: each for each in work.config.evaluation.benchmarks}
    name = config.benchmark or next(iter(benchmarks))
    if name not in benchmarks:
        raise UnknownName("benchmark", name, benchmarks.keys())
    return benchmarks[name]


def _judged_name(judge: str, variant: str, label: str) -> str:
    return f"{judge}/{variant}{'@' + label if label else ''}"
