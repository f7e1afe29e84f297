"""The decision on one page that a board can read: what, why, in which order, at what cost, until when, and by whom."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import Field

from luthier.assess.record import OPTIONS, TITLES, decision_record
from luthier.domain.decisions import Decision, FailureGroup
from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.errors import Refused
from luthier.lifecycle.report.facts import Facts
from luthier.lifecycle.report.files import write_texts
from luthier.lifecycle.report.gather import gather
from luthier.lifecycle.report.page import rendered
from luthier.lifecycle.report.words import ADVICE, FAILURES, moment, money, plain
from luthier.lifecycle.workspace import Workspace

MOST_REASONS, MOST_GROUPS, MOST_SIGNS, LONGEST = 4, 6, 6, 150
OPTIONS_SOURCE = "as article 003 claims; nothing here was measured"
MOST_MISSING = 3


class Step(Value):
    """One of prompt, retrieve, tune: what was measured of it."""

    name: str
    figures: Mapping[str, Measurement] = Field(description="Variant -> its figure, as it stands now.")


class BoardRecord(Value):
    """Everything the page tells."""

    project: str
    at: datetime = Field(description="When the page was written.")
    advised_at: datetime
    advised_for: str = Field(description="Who ran the assessment whose rules gave the advice.")
    problem: str
    decision: Decision
    metric: str
    steps: tuple[Step, ...]
    kill: str
    spent: Mapping[str, str] = Field(description="Bucket -> what was spent, or stated, before the first customer.")
    notes: tuple[str, ...]


def board_record(work: Workspace) -> BoardRecord:
    """The record of the decision in force; Refused when none was drawn."""
    work.require("assess")
    facts = gather(work)
    row = work.store.links.latest(work.project, "assess", "advice")
    deeds = [each for each in work.store.audit.entries() if each.action == "link.assess" and each.subject == "advice"]
    if row is None or not deeds:
        raise Refused("no decision was drawn yet", hint="run `luthier run`")
    return record_of(facts, advised_at=row.at, advised_for=deeds[-1].actor)


def record_of(facts: Facts, *, advised_at: datetime, advised_for: str) -> BoardRecord:
    """The record, from the facts of a project whose decision was drawn."""
    if facts.decision is None:
        raise Refused("no decision was drawn yet", hint="run `luthier run`")
    kill, costs = facts.charter.kill_criterion, facts.costs
    spent = {bucket: money(amount) for bucket, amount in costs.build.items()} if costs else {}
    return BoardRecord(
        project=facts.project,
        at=facts.at,
        advised_at=advised_at,
        advised_for=advised_for,
        problem=facts.charter.problem,
        decision=facts.decision,
        metric=facts.primary_metric,
        steps=_steps(facts),
        kill=f"Stop unless {kill.metric} is {kill.must_reach} within {kill.within_weeks} weeks." if kill else "",
        spent={**spent, "in all": money(costs.build_total)} if costs else {},
        notes=facts.notes,
    )


def write_board(found: BoardRecord, folder: Path) -> dict[str, Path]:
    """The page as HTML, Markdown and JSON; StorageFault where the disk refuses."""
    files = {form: folder / f"decision.{end}" for form, end in (("html", "html"), ("markdown", "md"), ("json", "json"))}
    texts = {
        "html": board_page(found),
        "markdown": board_markdown(found),
        "json": found.model_dump_json(indent=2) + "\n",
    }
    write_texts("the decision record", {files[form]: text for form, text in texts.items()})
    return files


def board_markdown(found: BoardRecord) -> str:
    """The decision record in full, with the order, the money and who decided on top."""
    steps = [f"{number}. {step.name}: {_told(step, found.metric)}" for number, step in enumerate(found.steps, start=1)]
    spent = [f"- {bucket}: {amount}" for bucket, amount in found.spent.items()] or ["- nothing is known"]
    parts = [
        decision_record(found.decision, found.problem).rstrip(),
        "## Order\n\n" + "\n".join(steps),
        "## Spent before the first customer\n\n" + "\n".join([*spent, *(f"- {note}" for note in found.notes)]),
        f"## Kill criterion\n\n{found.kill or 'None is stated.'}",
        "## Who decided when\n\n" + "\n".join(f"- {line}" for line in deciders(found)),
    ]
    return "\n\n".join(parts) + "\n"


def deciders(found: BoardRecord) -> list[str]:
    """The rules' advice with when and for whom, and the person who overruled it."""
    advice, override = found.decision.advice, found.decision.override
    lines = [f"{moment(found.advised_at)}: the rules advised {ADVICE[advice]!r}, run by {found.advised_for}."]
    if override:
        said = f"{moment(override.at)}: {override.by} overruled it to {ADVICE[override.advice]!r}: {override.reason}"
        lines.append(said)
    return lines


def board_page(found: BoardRecord) -> str:
    """One self-contained HTML page that prints on one sheet of A4; what does not fit is counted and in the Markdown."""
    decision = found.decision
    held = [each for each in decision.triggers if each.holds]
    groups = _groups(decision)
    more = [
        _more(len(decision.reasons) - MOST_REASONS, "more reasons"),
        _more(len(groups) - MOST_GROUPS, "more failure groups"),
        _more(len(held) - MOST_SIGNS, "more signs that hold"),
        _more(len(decision.missing) - MOST_MISSING, "more things missing"),
        _more(len(decision.warnings), "warnings"),
    ]
    return rendered(
        "board.html.j2",
        "board.css",
        title=f"{found.project}: decision",
        verdict=TITLES[decision.effective],
        problem=_cut(found.problem),
        when=moment(found.at),
        deciders=[_cut(line) for line in deciders(found)],
        reasons=[_cut(line) for line in decision.reasons[:MOST_REASONS]],
        missing=[_cut(line) for line in decision.missing[:MOST_MISSING]],
        steps=[(step.name, _cut(_told(step, found.metric))) for step in found.steps],
        groups=[_group_cells(variant, group) for variant, group in groups[:MOST_GROUPS]],
        expert=_cut(_expert(decision)),
        signs=[(plain(each.name), ADVICE[each.speaks_for], _cut(each.reason, 90)) for each in held[:MOST_SIGNS]],
        unknown=", ".join(plain(each.name) for each in decision.triggers if each.holds is None),
        options=OPTIONS,
        options_source=OPTIONS_SOURCE,
        spent=list(found.spent.items()),
        kill=found.kill or "No kill criterion is stated.",
        more="; ".join(line for line in more if line),
    )


def _steps(facts: Facts) -> tuple[Step, ...]:
    names = {"prompt": "Prompt", "retrieve": "Retrieve (RAG)", "tune": "Tune"}
    found: dict[str, dict[str, Measurement]] = {name: {} for name in names}
    for each in facts.variants:
        figure = each.overall.get(facts.primary_metric)
        if figure is not None and each.step is not None and each.kind != "control":
            found[each.step][each.name] = figure
    return tuple(Step(name=names[name], figures=figures) for name, figures in found.items())


def _told(step: Step, metric: str) -> str:
    figures = [f"{name} {each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for name, each in step.figures.items()]
    return f"{metric}: {'; '.join(figures)}" if figures else "not measured"


def _groups(decision: Decision) -> list[tuple[str, FailureGroup]]:
    """Failure groups of all baselines, the commonest first."""
    both = [(table.variant, group) for table in decision.failures for group in table.groups]
    return sorted(both, key=lambda pair: -pair[1].share.value)


def _group_cells(variant: str, group: FailureGroup) -> Sequence[str]:
    share = (
        f"{group.share.value:.0%} ({group.share.low:.0%} to {group.share.high:.0%}, {group.rows} of {group.share.n})"
    )
    said = "systematic" if group.is_systematic else "scattered"
    said += ", labelable" if group.is_labelable else ", not labelable"
    where = f", above all {group.strata[0].stratum}" if group.strata else ""
    calls_for = ADVICE[group.remedy] if group.remedy else "-"
    return (variant, FAILURES[group.kind], share, said + where, calls_for)


def _expert(decision: Decision) -> str:
    test = decision.expert_test
    found = test.answerable
    measured = f" Of the failed rows, {found.hits} of {found.n} need no fact from elsewhere." if found else ""
    return f"Could an expert with the same context answer? {test.answer.capitalize()}: {test.reading}.{measured}"


def _more(count: int, what: str) -> str:
    return f"{count} {what}" if count > 0 else ""


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
