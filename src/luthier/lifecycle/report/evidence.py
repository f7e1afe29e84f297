"""The first half of a report: the problem, the data, the baselines, the decision, the run, and what was measured."""

from collections.abc import Mapping, Sequence

from luthier.domain.decisions import FailureTable
from luthier.lifecycle.report.blocks import (
    Block,
    Bullets,
    Cell,
    Chart,
    Section,
    Table,
    Text,
    measured_cell,
    row,
    verdict_cell,
)
from luthier.lifecycle.report.facts import Facts, VariantFacts
from luthier.lifecycle.report.figures import ordered
from luthier.lifecycle.report.runs import curve_table, learning_blocks, told_overfitting
from luthier.lifecycle.report.words import (
    ADVICE,
    FAILURES,
    MISSING,
    STOPPED,
    duration,
    interval,
    money,
    seconds,
    short,
    thousand,
)


def variants_section(facts: Facts) -> Section:
    """The table that everything else explains."""
    variants = ordered(facts)
    blocks: list[Block] = [_variants_table(facts, variants)] if variants else [Text(f"Variants: {MISSING}.")]
    blocks.append(Chart("variants"))
    if facts.unmeasured:
        blocks.append(Text(f"Not measured yet: {', '.join(facts.unmeasured)}.", is_aside=True))
    warnings = list(dict.fromkeys(f"{each.name}: {line}" for each in variants for line in each.warnings))
    if warnings:
        blocks.append(Bullets(warnings))
    return Section("Variants", blocks)


def problem_section(facts: Facts) -> Section:
    """The charter and its KPIs."""
    charter = facts.charter
    blocks: list[Block] = [Text(charter.problem)]
    kill = charter.kill_criterion
    if kill:
        blocks.append(
            Text(f"The project stops unless {kill.metric} is {kill.must_reach} within {kill.within_weeks} weeks.")
        )
    rows = [
        row(
            kpi.name,
            "-" if kpi.now is None else f"{kpi.now:g}",
            kpi.target,
            measured_cell(kpi.measured) if kpi.measured else MISSING,
            verdict_cell(kpi.verdict.outcome if kpi.verdict else None),
            kpi.owner or "-",
        )
        for kpi in facts.kpis
    ]
    head = ("KPI", "before", "target", f"on gold, {facts.candidate}" if facts.candidate else "on gold", "", "owner")
    if rows:
        blocks.append(Table("KPIs of the charter, judged by the one-sided 95% bound", head, rows))
    return Section("The problem", blocks)


def data_section(facts: Facts) -> Section:
    """The data card's figures and who let the rows in."""
    card = facts.data
    if card is None:
        return Section("Data and review", [Text(f"No snapshot is frozen: {MISSING}.")])
    splits = ", ".join(f"{count:,} {split}" for split, count in card.splits.items())
    splits += f", {card.preferred:,} preferences" if card.preferred else ""
    blocks: list[Block] = [
        Text(
            f"{card.rows_in:,} rows in, {card.kept:,} kept ({splits}), {sum(card.dropped.values()):,} left out. "
            f"Snapshot {short(card.snapshot)}, gold set {short(card.gold)}. Personal data: {card.pii}."
        ),
        Text(_review(facts)),
        *_counts("Left out, by reason", "reason", "rows", card.dropped),
        *_counts("Personal data masked, by kind", "kind", "spans", card.masked),
    ]
    sources = [
        row(each.path, f"{each.rows:,}", each.lawful_basis, each.kept_for, each.purpose) for each in card.sources
    ]
    blocks.append(Table("Sources", ("path", "rows", "lawful basis", "kept for", "purpose"), sources))
    return Section("Data and review", [*blocks, *([Bullets(card.notes)] if card.notes else [])])


def decision_section(facts: Facts) -> Section:
    """How the baselines failed and what follows from it."""
    found = facts.decision
    title = "How the baselines failed, and what follows"
    if found is None:
        return Section(title, [Text(f"Decision: {MISSING}.")])
    blocks: list[Block] = [Text(f"Advice: {ADVICE[found.advice]}."), Bullets(found.reasons)]
    if found.override:
        said = found.override
        blocks.append(Text(f"Overruled by {said.by} to {ADVICE[said.advice]}: {said.reason}"))
    if found.missing:
        blocks += [Text("To say more, this is missing:"), Bullets(found.missing)]
    blocks += [Chart("failures"), *_failures(found.failures)]
    signs = [
        row(each.name, ADVICE[each.speaks_for], "not known" if each.holds is None else "yes" if each.holds else "no",
            each.reason)
        for each in found.triggers
    ]  # fmt: skip
    blocks.append(Table("Signs", ("sign", "speaks for", "holds", "how that is known"), signs, folded=True))
    return Section(title, [*blocks, *([Bullets(found.warnings)] if found.warnings else [])])


def training_section(facts: Facts) -> Section:
    """The run that made the adapter, and the control run beside it."""
    runs = [(name, run) for name, run in (("tuned", facts.training), ("control", facts.control)) if run]
    if not runs:
        return Section("Training", [Text(f"Training run: {MISSING}.")])
    rows = [
        row(
            name, run.method, f"{run.examples_seen:,}", f"{run.tokens_seen:,}", f"{run.best_step:,}",
            "-" if run.best_validation_loss is None else f"{run.best_validation_loss:.4f}",
            STOPPED[run.stopped_because], duration(run.seconds),
            "-" if run.trained_share is None else f"{run.trained_share:.2%}", money(run.cost),
        )
        for name, run in runs
    ]  # fmt: skip
    head = ("run", "method", "examples", "tokens", "step kept", "validation loss", "stopped", "time", "trained", "cost")
    blocks: list[Block] = [
        Table("Training runs; trained is the share of parameters that changed", head, rows),
        Chart("curves"),
        *(table for name, run in runs for table in curve_table(name, run)),
        *(Text(f"Overfitting of the {name} run: {told_overfitting(run)}") for name, run in runs),
    ]
    if facts.learning:
        blocks += learning_blocks(facts.learning)
    for name, run in runs:
        if run.left_out:
            left = ", ".join(f"{count} {reason}" for reason, count in run.left_out.items())
            blocks.append(Text(f"Rows the {name} run left out: {left}.", is_aside=True))
    if facts.control:
        blocks.append(
            Text("The control run saw the same rows with each other's answers; a gain there would be no learning.")
        )
    return Section("Training", blocks)


def evaluation_section(facts: Facts) -> Section:
    """Differences row by row, strata, and why answers were invalid."""
    blocks: list[Block] = [Chart("paired"), *_paired(facts), Chart("strata"), *_strata(facts), *_faults(facts)]
    if not facts.differences:
        blocks.insert(0, Text(f"Paired comparison: {MISSING}."))
    return Section("Differences and strata", blocks)


def _variants_table(facts: Facts, variants: Sequence[VariantFacts]) -> Table:
    metrics = list(dict.fromkeys(name for each in variants for name in each.overall))
    metrics.sort(key=lambda name: name != facts.primary_metric)
    heads = [f"{name} (less is better)" if name in facts.lower_is_better else name for name in metrics]
    currency = facts.costs.build_total.currency if facts.costs else "money"
    rows = []
    for each in variants:
        verdicts = {name: found.outcome for name, found in each.verdicts.items()}
        cells = [measured_cell(each.overall.get(name), verdicts.get(name)) for name in metrics]
        rows.append(row(Cell(each.name, each.made_of), *cells, _seconds(each), *_money(each)))
    n = max((found.n for each in variants for found in each.overall.values()), default=0)
    caption = (
        f"Every variant on {facts.benchmark}, n = {n:,} gold rows, with 95% intervals below the figures; "
        "median time per answer with the 95th percentile below"
    )
    return Table(
        caption,
        ("variant", *heads, "time per answer", f"{currency} per 1,000 answers", f"{currency} per 1,000 solved"),
        rows,
    )


def _seconds(variant: VariantFacts) -> Cell:
    if variant.latency is None:
        return Cell("-")
    return Cell(seconds(variant.latency.median_seconds), seconds(variant.latency.p95_seconds))


def _money(variant: VariantFacts) -> tuple[str, str]:
    if variant.cost is None:
        return "-", "-"
    solved = variant.cost.per_solved
    return thousand(variant.cost.per_answer), thousand(solved) if solved else "-"


def _review(facts: Facts) -> str:
    found = facts.review
    if found is None:
        return f"Review of the training rows: {MISSING}."
    agreement = f"; agreement (Krippendorff's alpha) {found.agreement:.2f}" if found.agreement is not None else ""
    said = f"Review: {found.admitted:,} rows admitted, {found.rejected:,} rejected{agreement}."
    if found.simulated:
        said += f" The marks on {found.simulated:,} rows are SIMULATED: no person has read those rows."
    return said


def _counts(caption: str, what: str, unit: str, counted: Mapping[str, int]) -> list[Block]:
    rows = [row(name, f"{count:,}") for name, count in sorted(counted.items(), key=lambda pair: -pair[1])]
    return [Table(caption, (what, unit), rows)] if rows else []


def _failures(tables: Sequence[FailureTable]) -> list[Block]:
    rows = [
        row(table.variant, FAILURES[group.kind], Cell(f"{group.rows:,} of {group.share.n:,}", interval(group.share)),
            "yes" if group.is_systematic else "no", "yes" if group.is_labelable else "no")
        for table in tables
        for group in table.groups
    ]  # fmt: skip
    head = ("baseline", "way to fail", "rows", "systematic", "can be labelled")
    return (
        [Table("Failures of the baselines; shares with 95% intervals below", head, rows, folded=True)] if rows else []
    )


def _paired(facts: Facts) -> list[Block]:
    rows = [
        row(pair.variant, pair.other, pair.metric,
            Cell(f"{pair.difference:+.3f}", f"{pair.low:+.3f} to {pair.high:+.3f}"), f"{pair.n:,}",
            f"{pair.better:,} / {pair.worse:,}", f"{pair.p_value if pair.p_holm is None else pair.p_holm:.2g}")
        for pair in facts.differences
        if pair.metric == facts.primary_metric
    ]  # fmt: skip
    head = ("variant", "against", "metric", "difference", "n", "higher / lower", "p (Holm)")
    caption = "Every paired difference, with 95% bootstrap intervals; p by the exact sign test"
    return [Table(caption, head, rows, folded=True)] if rows else []


def _strata(facts: Facts) -> list[Block]:
    rows = [
        row(stratum, each.name, measured_cell(found), f"{found.n:,}")
        for each in ordered(facts)
        for stratum, figures in each.strata.items()
        if (found := figures.get(facts.primary_metric)) is not None
    ]
    head = ("stratum", "variant", facts.primary_metric, "n")
    return [Table("Strata, with 95% intervals", head, sorted(rows, key=_by_stratum), folded=True)] if rows else []


def _by_stratum(cells: Sequence[Cell]) -> str:
    return cells[0].text


def _faults(facts: Facts) -> list[Block]:
    kinds = sorted({kind for each in facts.variants for kind in each.faults})
    rows = [row(each.name, *(f"{each.faults.get(kind, 0):,}" for kind in kinds)) for each in ordered(facts) if kinds]
    head = ("variant", *(kind.replace("_", " ") for kind in kinds))
    return [Table("Answers that are no valid call, by the first reason", head, rows)] if rows else []
