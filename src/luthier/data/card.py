"""The data card: what a snapshot holds, in figures and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from luthier.domain.value import Value

NOT_STATED = "not stated"


class SourceLine(Value):
    """One source as the card tells it."""

    path: str
    format: str
    rows: int = Field(ge=0)
    lawful_basis: str
    retention_days: int | None
    undated: int = Field(default=0, ge=0, description="Rows without a day, whose retention nobody can count.")
    purpose: str
    terms: str = Field(default="", description="The words of the contract that allow training on it.")
    file_digest: str

    @property
    def kept_for(self) -> str:
        """How long its rows may be kept."""
        if self.retention_days is None:
            return "unlimited"
        return f"{self.retention_days} days" + (f", but {self.undated} rows have no date" if self.undated else "")


class Lengths(Value):
    """Characters of one part of the rows of one split."""

    split: str
    part: str = Field(description="`question` or `answer`.")
    median: int = Field(ge=0)
    p95: int = Field(ge=0)
    longest: int = Field(ge=0)
    histogram: tuple[int, ...] = Field(default=(), description="Rows of 0, 1, 2-3, 4-7, ... characters.")


class DataCard(Value):
    """Every figure a person needs before trusting a data set."""

    project: str
    snapshot: str = Field(description="Digest of the manifest.")
    gold: str = Field(description="Digest of the gold set.")
    rows_in: int = Field(ge=0)
    splits: Mapping[str, int]
    preferences: Mapping[str, Mapping[str, int]] = Field(
        default={}, description="`pairs`, `wanted answers`, `unwanted answers` -> split -> how many."
    )
    strata: Mapping[str, Mapping[str, int]] = Field(description="`task_type=create` -> split -> rows.")
    lengths: tuple[Lengths, ...]
    masked: Mapping[str, int]
    mended: Mapping[str, int] = Field(default={}, description="Rows that stay and were changed, by kind of change.")
    languages: Mapping[str, int] = Field(default={}, description="Languages of the rows that were searched again.")
    checked: int = Field(default=0, description="Rows searched again after personal data was taken out.")
    left: Mapping[str, int] = Field(default={}, description="PII spans that were found in them.")
    dropped: Mapping[str, int]
    clusters: Mapping[int, int] = Field(default={}, description="Rows that say the same -> how many such clusters.")
    reworded: Mapping[int, int] = Field(
        default={}, description="Rows that ask the same in other words and teach the same -> how many such clusters."
    )
    pii: str = Field(description="What was done with personal data, and by whose leave.")
    sources: tuple[SourceLine, ...]
    missing: tuple[str, ...] = Field(default=(), description="What the gold set lacks.")
    regressions: tuple[str, ...] = Field(default=(), description="What became worse since the snapshot before.")
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> int:
        """Rows that stay, preferences among them."""
        return sum(self.splits.values()) + self.preferred

    @property
    def preferred(self) -> int:
        """Preferences that stay."""
        return sum(rows for splits in self.preferences.values() for rows in splits.values())

    def markdown(self) -> str:
        """The card as a Markdown page."""
        told = (("Worse than before", self.regressions), ("The gold set lacks", self.missing), ("Notes", self.notes))
        lists = [line for title, lines in told if lines for line in (f"## {title}", "", *_bullets(lines), "")]
        return "\n".join([*self._head(), *lists, *self._tables()])

    def _head(self) -> list[str]:
        preferred = f" ({self.preferred} of them preferences)" if self.preferred else ""
        return [
            f"# Data card: {self.project}",
            "",
            f"Snapshot `{self.snapshot}`, gold set `{self.gold}`.",
            f"{self.rows_in} rows in, {self.kept} kept{preferred}, {sum(self.dropped.values())} left out. "
            f"Personal data: {self.pii}.",
            "",
        ]

    def _tables(self) -> list[str]:
        order = list(self.splits)
        strata = [[name, *(rows.get(split, 0) for split in order)] for name, rows in self.strata.items()]
        preferences = [[name, *(rows.get(split, 0) for split in order)] for name, rows in self.preferences.items()]
        lengths = [[row.split, row.part, row.median, row.p95, row.longest] for row in self.lengths]
        sources = [
            [
                s.path,
                s.format,
                s.rows,
                s.lawful_basis,
                s.kept_for,
                s.purpose or NOT_STATED,
                s.terms or NOT_STATED,
                s.file_digest[:12],
            ]
            for s in self.sources
        ]
        entities = sorted({*self.masked, *self.left})
        personal = [[entity, self.masked.get(entity, 0), self.left.get(entity, 0)] for entity in entities]
        return [
            *_table("Splits", ["split", "rows"], self.splits.items()),
            *_table("Preferences", ["what", *order], preferences),
            *_table("Strata", ["stratum", *order], strata),
            *_table("Lengths in characters", ["split", "part", "median", "95%", "longest"], lengths),
            *_table("Personal data", ["entity", "spans taken out", f"left in {self.checked} rows"], personal),
            *_table(f"Languages of {self.checked} rows", ["language", "rows"], self.languages.items()),
            *_table("Mended", ["what", "rows"], self.mended.items()),
            *_table("Left out", ["reason", "rows"], self.dropped.items()),
            *_table("Rows that said the same", ["rows in a cluster", "clusters"], self.clusters.items()),
            *_table("Rows that said the same in other words", ["rows in a cluster", "clusters"], self.reworded.items()),
            *_table(
                "Sources", ["path", "format", "rows", "lawful basis", "kept for", "purpose", "terms", "digest"], sources
            ),
        ]


def lengths_of(split: str, part: str, characters: NDArray[np.int64]) -> Lengths:
    """The figures of the lengths of at least one row."""
    median, p95 = (int(figure) for figure in np.percentile(characters, [50, 95]))
    classes = np.zeros(len(characters), dtype=np.int64)
    some = characters > 0
    classes[some] = np.log2(characters[some]).astype(np.int64) + 1
    histogram = tuple(np.bincount(classes).tolist())
    return Lengths(split=split, part=part, median=median, p95=p95, longest=int(characters.max()), histogram=histogram)


def _bullets(lines: Iterable[str]) -> list[str]:
    return [f"- {line}" for line in lines]


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """One Markdown table under its title; nothing where there are no rows."""
    body = [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    if not body:
        return []
    return [f"## {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head), *body, ""]


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
