"""The data card: what a snapshot holds, in figures and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pydantic import Field

from luthier.domain.examples import Example
from luthier.domain.snapshots import Split
from luthier.domain.value import Value

Splits = Mapping[Split, tuple[Example, ...]]


class SourceLine(Value):
    """One source as the card tells it."""

    path: str
    format: str
    rows: int = Field(ge=0)
    lawful_basis: str
    retention_days: int | None
    purpose: str
    file_digest: str


class Lengths(Value):
    """Characters of one part of the rows of one split."""

    split: str
    part: str = Field(description="`question` or `answer`.")
    median: int = Field(ge=0)
    p95: int = Field(ge=0)
    longest: int = Field(ge=0)


class DataCard(Value):
    """Every figure a person needs before trusting a data set."""

    project: str
    snapshot: str = Field(description="Digest of the manifest.")
    gold: str = Field(description="Digest of the gold set.")
    rows_in: int = Field(ge=0)
    splits: Mapping[str, int]
    strata: Mapping[str, Mapping[str, int]] = Field(description="`task_type=create` -> split -> rows.")
    lengths: tuple[Lengths, ...]
    masked: Mapping[str, int]
    dropped: Mapping[str, int]
    pii: str = Field(description="What was done with personal data, and by whose leave.")
    sources: tuple[SourceLine, ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The card as a Markdown page."""
        return "\n".join([*self._head(), *self._tables(), *[f"- {note}" for note in self.notes], ""])

    def _head(self) -> list[str]:
        kept = sum(self.splits.values())
        return [
            f"# Data card: {self.project}",
            "",
            f"Snapshot `{self.snapshot}`, gold set `{self.gold}`.",
            f"{self.rows_in} rows in, {kept} kept, {sum(self.dropped.values())} left out. Personal data: {self.pii}.",
            "",
        ]

    def _tables(self) -> list[str]:
        order = list(self.splits)
        strata = [[name, *(rows.get(split, 0) for split in order)] for name, rows in self.strata.items()]
        lengths = [[row.split, row.part, row.median, row.p95, row.longest] for row in self.lengths]
        sources = [
            [s.path, s.format, s.rows, s.lawful_basis, s.retention_days or "unlimited", s.purpose, s.file_digest[:12]]
            for s in self.sources
        ]
        return [
            *_table("Splits", ["split", "rows"], self.splits.items()),
            *_table("Strata", ["stratum", *order], strata),
            *_table("Lengths in characters", ["split", "part", "median", "95%", "longest"], lengths),
            *_table("Personal data found", ["entity", "spans"], self.masked.items()),
            *_table("Left out", ["reason", "rows"], self.dropped.items()),
            *_table("Sources", ["path", "format", "rows", "lawful basis", "days", "purpose", "digest"], sources),
        ]


def count_strata(splits: Splits) -> dict[str, dict[str, int]]:
    """Rows per `tag=value` and split, sorted by tag."""
    counts: dict[str, dict[str, int]] = {}
    for split, rows in splits.items():
        for row in rows:
            for tag, value in row.strata.items():
                per_split = counts.setdefault(f"{tag}={value}", {})
                per_split[split] = per_split.get(split, 0) + 1
    return dict(sorted(counts.items()))


def measure_lengths(splits: Splits) -> tuple[Lengths, ...]:
    """Length figures of every split that holds a row."""
    return tuple(
        _lengths(split, part, [len(text) for text in texts])
        for split, rows in splits.items()
        if rows
        for part, texts in (("question", [row.asked for row in rows]), ("answer", [row.ideal for row in rows]))
    )


def _lengths(split: str, part: str, characters: Sequence[int]) -> Lengths:
    median, p95 = (int(figure) for figure in np.percentile(characters, [50, 95]))
    return Lengths(split=split, part=part, median=median, p95=p95, longest=max(characters))


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """One Markdown table under its title; nothing where there are no rows."""
    body = [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    if not body:
        return []
    return [f"## {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head), *body, ""]


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
