"""The decision as a page that people can sign."""

from collections.abc import Iterable, Sequence

from luthier.domain.decisions import Decision, FailureTable, Provisional, Trigger
from luthier.domain.measure import Measurement

TITLES = {
    "prompt": "Keep prompting",
    "retrieve": "Retrieve",
    "tune": "Tune",
    "tune_and_retrieve": "Tune and retrieve",
    "stop": "Stop",
    "not_enough_evidence": "Not enough evidence",
}
OPTIONS = (
    ("", "best for", "update cost", "fails when", "typical cost (article 003's claim)"),
    ("prompting", "first tries, few rules, changing tasks", "an edit", "the prompt outgrows the task", "near free"),
    ("RAG", "facts, moving knowledge, sources to cite", "re-index", "behaviour, not knowledge, is wrong",
     "infrastructure and re-indexing only"),
    ("fine-tuning", "format, tone, tool use, jargon", "a re-train run", "facts change or labels are few",
     "USD 2,000 to 30,000 and a re-train run"),
)  # fmt: skip


def decision_record(decision: Decision, problem: str) -> str:
    """The decision in Markdown: what was advised and why, what failed, and what the options cost."""
    parts = [
        f"# Decision: {TITLES[decision.effective]}\n",
        f"Project `{decision.project}`: {problem}\n",
        _override(decision),
        _section("Reasons", decision.reasons),
        _section("Missing", decision.missing),
        _section("Warnings", decision.warnings),
        "## Failures of the baselines\n",
        "A row may fail in several ways, so the shares need not add up.\n",
        *(_failures(table) for table in decision.failures),
        "## Signs\n",
        _table([("sign", "speaks for", "holds", "why"), *(_sign(trigger) for trigger in decision.triggers)]),
        "## Expert test\n",
        _expert(decision),
        "## The options\n",
        _table(OPTIONS),
        "## Read\n",
        _table([("baseline", "report"), *sorted(decision.reports.items())]),
        f"Training rows: {decision.training_rows}.\n",
    ]
    return "\n".join(part for part in parts if part)


def provisional_record(advice: Provisional) -> str:
    """The provisional advice in Markdown: the next step, where it leads, and the signs with their articles."""
    signs = [
        (trigger.name, TITLES[trigger.speaks_for].lower(), _holds(trigger), trigger.reason, trigger.source)
        for trigger in advice.triggers
    ]
    parts = [
        f"# Provisional: {TITLES[advice.first]}; probably: {TITLES[advice.leads_to].lower()}\n",
        f"Project `{advice.project}`. Nothing was measured yet; the decision is drawn from baselines that were run.\n",
        _section("Reasons", advice.reasons),
        _section("Not answered", advice.unanswered),
        "## Signs\n",
        _table([("sign", "speaks for", "holds", "why", "source"), *signs]),
    ]
    return "\n".join(part for part in parts if part)


def _override(decision: Decision) -> str:
    if decision.override is None:
        return ""
    override = decision.override
    return (
        f"**Overruled.** The evidence says: {TITLES[decision.advice]}. {override.by} decided otherwise "
        f"on {override.at:%Y-%m-%d}: {override.reason}\n"
    )


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def _failures(table: FailureTable) -> str:
    rows = [("way to fail", "rows", "share", "systematic", "labelable", "calls for", "lies in")]
    rows += [
        (group.kind, str(group.rows), _share(group.share), _yes(group.is_systematic), _yes(group.is_labelable),
         TITLES[group.remedy].lower() if group.remedy else "-",
         "; ".join(f"{each.stratum} ({_share(each.inside)})" for each in group.strata) or "-")
        for group in table.groups
    ]  # fmt: skip
    failed = f"`{table.variant}` failed on {table.failed.hits} of {table.failed.n} rows ({_share(table.failed)}).\n"
    return f"{failed}\n{_table(rows)}" if table.groups else failed


def _sign(trigger: Trigger) -> tuple[str, str, str, str]:
    return trigger.name, TITLES[trigger.speaks_for].lower(), _holds(trigger), trigger.reason


def _holds(trigger: Trigger) -> str:
    return "not known" if trigger.holds is None else _yes(trigger.holds)


def _expert(decision: Decision) -> str:
    test = decision.expert_test
    measured = f" Of the failed rows, {_share(test.answerable)} need no fact from elsewhere." if test.answerable else ""
    return f"Answer: {test.answer}; {test.reading}.{measured}\n"


def _share(figure: Measurement) -> str:
    return f"{figure.value:.1%}, {figure.low:.1%} to {figure.high:.1%}"


def _yes(claim: bool) -> str:
    return "yes" if claim else "no"


def _table(rows: Iterable[Sequence[str]]) -> str:
    head, *body = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
