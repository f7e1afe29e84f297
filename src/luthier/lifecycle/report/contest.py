"""Two variants set against each other, as HTML, Markdown, JSON and JUnit XML."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import orjson

from luthier.domain.compare import PairedDifference
from luthier.domain.measure import Measurement
from luthier.domain.reports import Case, Report
from luthier.domain.verdicts import Outcome, Verdict, combine
from luthier.lifecycle.contest import Contest, Parted
from luthier.lifecycle.report.blocks import (
    Beside,
    Block,
    Bullets,
    Cell,
    Chart,
    Contrast,
    Piece,
    Section,
    Table,
    Text,
    measured_cell,
    row,
    verdict_cell,
)
from luthier.lifecycle.report.charts.heat import HeatRow, heat_chart
from luthier.lifecycle.report.charts.rows import Group, Line, Row, Tone, rows_chart
from luthier.lifecycle.report.figures import NARROW, WIDE, Figure
from luthier.lifecycle.report.files import write_texts
from luthier.lifecycle.report.junit import junit
from luthier.lifecycle.report.markdown import markdown_of
from luthier.lifecycle.report.page import page_of
from luthier.lifecycle.report.words import figure, interval, moment

LONGEST = 600
_PIECES = re.compile(r"\s+|\w+|[^\w\s]")
_TONES: Mapping[Outcome, str] = {"pass": "pass", "fail": "fail", "not_enough_evidence": "open"}
_SLUG = re.compile(r"[^\w.-]+")


def write_contest(found: Sequence[Contest], folder: Path, at: datetime) -> dict[str, Path]:
    """The four files; StorageFault where the disk refuses. They quote rows, so an erasure removes them."""
    one, other = found[0].one.variant, found[0].other.variant
    name = _SLUG.sub("_", f"compare-{one}-{other}")
    sections = [section for each in found for section in sections_of(each)]
    drawn = {key: made for each in found for key, made in figures_of(each).items()}
    title, said = f"{found[0].project}: {one} against {other}", headline(found)
    texts = {
        "html": page_of(title, sections, drawn, when=moment(at), headline=said, tone=_TONES[_overall(found).outcome]),
        "markdown": markdown_of(title, sections, drawn, when=moment(at), headline=said),
        "json": orjson.dumps([each.model_dump(mode="json") for each in found], option=orjson.OPT_INDENT_2).decode(),
        "junit": junit(found),
    }
    ends = {"html": "html", "markdown": "md", "json": "json", "junit": "junit.xml"}
    files = {form: folder / f"{name}.{ends[form]}" for form in texts}
    write_texts("the comparison", {files[form]: text for form, text in texts.items()})
    return files


def headline(found: Sequence[Contest]) -> str:
    """The first metric of each benchmark in one sentence."""
    return "; ".join(f"{each.benchmark}: {each.verdicts[0].reasons[0]}" for each in found if each.verdicts)


def sections_of(found: Contest) -> list[Section]:
    """Figures, differences, strata and the rows on which the two part; a table under each chart."""
    key = found.benchmark
    both = (found.one, found.other)
    blocks: list[Block] = [Chart(f"{key}:figures"), _figures_table(found)]
    warnings = [f"{each.variant}: {line}" for each in both for line in each.warnings]
    blocks += [Bullets(warnings)] if warnings else []
    blocks += [_came_back(found)] if found.one.came_back or found.other.came_back else []
    missing = sorted({name for each in both for name in each.missing_strata})
    strata: list[Block] = [Chart(f"{key}:strata"), _strata_table(found)]
    strata += [Text(f"No row of: {', '.join(missing)}.")] if missing else []
    return [
        Section(f"{key}: figures", blocks),
        Section(f"{key}: differences", [Chart(f"{key}:pairs"), _pairs_table(found), Bullets(found.visible)]),
        *([Section(f"{key}: strata", strata)] if found.strata or missing else []),
        *([Section(f"{key}: where they part", _parted(found))] if found.parted else []),
        Section(f"{key}: how it was measured", [_recipes(found)]),
    ]


def figures_of(found: Contest) -> dict[str, Figure]:
    """The forest of figures, the paired differences, and the strata as shades; what has nothing to show is left out."""
    made = {"figures": _forest(found), "pairs": _pairs(found), "strata": _strata(found)}
    return {f"{found.benchmark}:{name}": figure for name, figure in made.items() if figure is not None}


def _forest(found: Contest) -> Figure | None:
    groups = [
        Group(name, [_figure_row(each.variant, each.overall[name], tone) for each, tone in _toned(found)])
        for name in _shares(found)
    ]
    title = f"Figures on {found.benchmark}"
    caption = (
        "Figures of both variants by metric, with 95% intervals of each alone (Wilson, Student's t or bootstrap: see "
        "the table). Metrics that are no share, such as seconds, are in the table only."
    )
    if not groups:
        return None
    return _drawn(
        title, caption, lambda width: rows_chart(title, groups, axis="figure", width=width, domain=(0.0, 1.0))
    )


def _pairs(found: Contest) -> Figure | None:
    shares = _shares(found)
    groups = [Group("", [_pair_row(pair) for pair in found.differences if pair.metric in shares])]
    title, line = f"Gain of {found.one.variant} over {found.other.variant}", Line(0.0, "no difference")
    caption = (
        "Paired differences on the same rows, turned so that right is better, with 95% bootstrap intervals. "
        "Filled: the interval lies above zero; diamond: below; open: it covers zero. The table has Holm's p-values."
    )
    if not groups[0].rows:
        return None
    return _drawn(title, caption, lambda width: rows_chart(title, groups, axis="gain", width=width, line=line))


def _strata(found: Contest) -> Figure | None:
    rows = [
        HeatRow(f"{name}, {metric}", f"n = {cells[0].n:,}", [cell.value for cell in cells])
        for name in found.strata
        for metric in _shares(found)[:2]
        if len(cells := _of_stratum(found, name, metric)) == 2
    ]
    title, names = f"Strata of {found.benchmark}", [found.one.variant, found.other.variant]
    caption = (
        "Figure of each variant within each stratum; the stronger the shade, the higher. Intervals: see the table."
    )
    return _drawn(title, caption, lambda width: heat_chart(title, names, rows, width=width)) if rows else None


def _overall(found: Sequence[Contest]) -> Verdict:
    return combine([each.verdicts[0] for each in found if each.verdicts])


def _shares(found: Contest) -> list[str]:
    return [
        pair.metric
        for pair in found.differences
        if all(
            each.overall[pair.metric].low >= 0.0 and each.overall[pair.metric].high <= 1.0
            for each in (found.one, found.other)
        )
    ]


def _toned(found: Contest) -> tuple[tuple[Report, Tone], ...]:
    return (found.one, "tuned"), (found.other, "baseline")


def _figure_row(name: str, found: Measurement, tone: Tone) -> Row:
    return Row(name, found.value, found.low, found.high, f"{figure(found.value)}  n = {found.n:,}", tone)


def _pair_row(pair: PairedDifference) -> Row:
    gain, low, high = pair.gain
    tone: Tone = "better" if low > 0 else "worse" if high < 0 else "unclear"
    return Row(pair.metric, gain, low, high, f"{gain:+.3f}", tone)


def _drawn(title: str, caption: str, draw: Callable[[float], str]) -> Figure:
    return Figure(title, caption, draw(WIDE), draw(NARROW))


def _figures_table(found: Contest) -> Table:
    one, other = found.one, found.other
    rows = [
        row(
            name,
            measured_cell(one.overall[name], _outcome(one.verdicts.get(name))),
            measured_cell(other.overall[name], _outcome(other.verdicts.get(name))),
            f"{one.overall[name].n:,}",
            one.overall[name].method.replace("_", " "),
        )
        for name in one.overall
        if name in other.overall
    ]
    return Table("Figures with 95% intervals", ("metric", one.variant, other.variant, "n", "interval"), rows)


def _outcome(verdict: Verdict | None) -> str | None:
    return verdict.outcome if verdict else None


def _pairs_table(found: Contest) -> Table:
    rows = [
        row(
            pair.metric,
            Cell(f"{pair.gain[0]:+.4f}", f"{pair.gain[1]:+.4f} to {pair.gain[2]:+.4f}"),
            f"{pair.better:,} / {pair.worse:,}",
            f"{pair.p_value:.3g}",
            "-" if pair.p_mid is None else f"{pair.p_mid:.3g}",
            f"{pair.p_holm:.3g}" if pair.p_holm is not None else "-",
            verdict_cell(verdict.outcome),
            f"{verdict.rows_needed:,}" if verdict.rows_needed else "-",
            f"{pair.n:,}" if pair.clusters is None else f"{pair.n:,} in {pair.clusters:,} groups",
        )
        for pair, verdict in zip(found.differences, found.verdicts, strict=True)
    ]
    head = ("metric", "gain", "up / down", "p", "mid-p", "p (Holm)", "verdict", "rows that would decide", "n")
    return Table(f"{found.one.variant} against {found.other.variant}, row by row", head, rows)


def _of_stratum(found: Contest, stratum: str, metric: str) -> list[Measurement]:
    figures = [each.strata.get(stratum, {}).get(metric) for each in (found.one, found.other)]
    return [each for each in figures if each is not None]


def _strata_table(found: Contest) -> Table:
    rows = []
    for name, pairs in found.strata.items():
        for pair in pairs:
            cells = _of_stratum(found, name, pair.metric)
            if len(cells) == 2:
                gain = Cell(f"{pair.gain[0]:+.3f}", f"{pair.gain[1]:+.3f} to {pair.gain[2]:+.3f}")
                told = [Cell(figure(each.value), interval(each)) for each in cells]
                rows.append(row(name, pair.metric, *told, gain, f"{pair.p_holm:.3g}", f"{pair.n:,}"))
    head = ("stratum", "metric", found.one.variant, found.other.variant, "gain", "p (Holm)", "n")
    return Table("Every stratum; p-values are corrected over all of them", head, rows)


def _came_back(found: Contest) -> Table:
    kinds = list(dict.fromkeys(kind for each in (found.one, found.other) for kind in each.came_back))
    rows = [row(kind, *(f"{each.came_back.get(kind, 0):,}" for each in (found.one, found.other))) for kind in kinds]
    return Table("What came back, every row counted once", ("", found.one.variant, found.other.variant), rows)


def _recipes(found: Contest) -> Table:
    rows = [row(each.metric, each.says, each.source or "-", f"{each.version}") for each in found.one.recipes]
    return Table("Recipes of the metrics", ("metric", "what it is", "source", "version"), rows, folded=True)


def _parted(found: Contest) -> list[Block]:
    rows = [row(f"{each.winner} was better", each.why.replace("_", " "), f"{each.rows:,}") for each in found.parted]
    metric = found.parted[0].metric
    table = Table(f"Rows on which {metric} differs, by what the other answered", ("", "the other", "rows"), rows)
    return [table, *(_contrast(found, each) for each in found.parted)]


def _contrast(found: Contest, group: Parted) -> Contrast:
    loser = found.other.variant if group.winner == found.one.variant else found.one.variant
    caption = f"{group.winner} better, {group.why.replace('_', ' ')}: {len(group.examples)} of {group.rows:,} rows"
    return Contrast(caption, group.winner, loser, [_beside(*pair) for pair in group.examples])


def _beside(better: Case, worse: Case) -> Beside:
    left, right = apart(_said(better), _said(worse))
    return Beside(better.asked[:LONGEST], better.ideal[:LONGEST], left, right)


def _said(case: Case) -> str:
    return "(no answer)" if case.answer.text is None else case.answer.text[:LONGEST]


def apart(one: str, other: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces that are in both or in one alone; the pieces of each add up to it."""
    left, right = _PIECES.findall(one), _PIECES.findall(other)
    found: tuple[list[Piece], list[Piece]] = ([], [])
    for kind, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for pieces, text in ((found[0], "".join(left[a:b])), (found[1], "".join(right[c:d]))):
            if text:
                pieces.append(Piece(text, differs=kind != "equal"))
    return found
