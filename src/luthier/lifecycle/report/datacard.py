"""The data card as one HTML file with charts, beside its Markdown and its JSON."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from luthier.data.card import NOT_STATED, DataCard, Lengths
from luthier.domain.snapshots import SPLITS
from luthier.lifecycle.report.charts.rows import Group, Row, Tone, rows_chart
from luthier.lifecycle.report.files import write_texts

WIDE, NARROW = 800.0, 344.0
MOST_ROWS = 40


@dataclass(frozen=True)
class _Chart:
    caption: str
    wide: Markup
    narrow: Markup


def write_card(card: DataCard, folder: Path) -> list[Path]:
    """The three files in `folder`; StorageFault where the disk refuses."""
    texts = {
        folder / "card.html": card_page(card),
        folder / "card.md": card.markdown(),
        folder / "card.json": card.model_dump_json(indent=2) + "\n",
    }
    write_texts("the card", texts)
    return list(texts)


def card_page(card: DataCard) -> str:
    """The card as a page without scripts or requests; every text of the project is escaped."""
    style = _file("page.css")
    environment = ImmutableSandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text: str = environment.from_string(_file("datacard.html.j2")).render(
        card=card,
        kept=card.kept,
        left_out=sum(card.dropped.values()),
        charts=_charts(card),
        not_stated=NOT_STATED,
        style=Markup(style),  # noqa: S704 - our own file, no text of the project in it
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
    return text


def _charts(card: DataCard) -> list[_Chart]:
    """Every chart that has something to show."""
    strata = {name: dict(splits) for name, splits in card.strata.items()}
    clusters = {f"{size} rows": count for size, count in card.clusters.items()}
    reworded = {f"{size} rows": count for size, count in card.reworded.items()}
    again = f"{card.checked:,} rows searched again"
    checked = f"Spans taken out of all rows, and spans that were still found in {again}."
    personal = [
        Group("taken out", _ranked(card.masked)),
        Group(f"still found in {again}", _ranked(card.left, tone="worse")),
    ]
    if not card.left:
        checked = f"Spans taken out of all rows; none was found in {again}."
    left_out = _ranked(card.dropped, tone="worse")
    found = [
        _chart(
            "Rows of every stratum", [_whole(strata)], "rows", f"Rows kept; beside them those of {' + '.join(SPLITS)}."
        ),
        *(_lengths_chart(card.lengths, part) for part in ("question", "answer")),
        _chart(
            "Rows mended, by what was wrong", [Group("", _ranked(card.mended))], "rows", "They stay; of all rows read."
        ),
        _chart("Rows left out, by reason", [Group("", left_out)], "rows", "Of all rows read."),
        _chart("Personal data before and after", personal, "spans", checked),
        _chart(
            "Rows that say the same", [Group("", _bars(clusters))], "clusters", "Clusters by how many rows they hold."
        ),
        _chart(
            "Rows that ask the same in other words",
            [Group("", _bars(reworded))],
            "clusters",
            "Clusters of one answer by how many rows they hold.",
        ),
        _chart("Languages", [Group("", _ranked(card.languages))], "rows", f"Of {card.checked:,} rows looked at."),
    ]
    return [chart for chart in found if chart is not None]


def _whole(strata: Mapping[str, Mapping[str, int]]) -> Group:
    rows = []
    for name, splits in sorted(strata.items(), key=lambda item: -sum(item[1].values())):
        total = sum(splits.values())
        rows.append(_bar(name, total, f"{total:,} ({' + '.join(f'{splits.get(split, 0):,}' for split in SPLITS)})"))
    return Group("", rows)


def _lengths_chart(lengths: Sequence[Lengths], part: str) -> _Chart | None:
    groups = [
        Group(f"{row.split}: half have {row.median:,} at most, 95% {row.p95:,}", _bars(_classes(row.histogram)))
        for row in lengths
        if row.part == part
    ]
    return _chart(
        f"Characters of {part}s", groups, "rows", "Rows by length, each class twice as long as the one before."
    )


def _classes(histogram: Sequence[int]) -> dict[str, int]:
    """Length class -> rows, without the empty classes at both ends."""
    names = ["0", "1", *(f"{2 ** (place - 1):,}-{2**place - 1:,}" for place in range(2, len(histogram)))]
    used = [place for place, rows in enumerate(histogram) if rows]
    return {names[place]: histogram[place] for place in range(used[0], used[-1] + 1)} if used else {}


def _ranked(counts: Mapping[str, int], *, tone: Tone = "baseline") -> list[Row]:
    """The largest first, since a long list is cut at its end."""
    return _bars(dict(sorted(counts.items(), key=lambda item: -item[1])), tone=tone)


def _bars(counts: Mapping[str, int], *, tone: Tone = "baseline") -> list[Row]:
    return [_bar(name, count, f"{count:,}", tone) for name, count in counts.items()]


def _bar(name: str, count: int, text: str, tone: Tone = "baseline") -> Row:
    return Row(name, count, count, count, text, tone)


def _chart(title: str, groups: Sequence[Group], axis: str, caption: str) -> _Chart | None:
    shown = [Group(group.heading, group.rows[:MOST_ROWS]) for group in groups if group.rows]
    if not shown:
        return None
    untold = sum(len(group.rows) for group in groups) - sum(len(group.rows) for group in shown)
    told = caption + (f" The {untold:,} smallest are not drawn; card.json has all." if untold else "")

    def draw(width: float) -> Markup:
        return Markup(rows_chart(title, shown, axis=axis, width=width, shape="bar"))  # noqa: S704 - text is escaped

    return _Chart(told, draw(WIDE), draw(NARROW))


def _file(name: str) -> str:
    return (files("luthier.lifecycle.report") / name).read_text(encoding="utf-8")
