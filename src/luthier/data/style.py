"""Answers held against the style sheet, and facts in them that will change; all of it told, none of it removed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
from pydantic import Field

from luthier.data.clean.reasons import Turns
from luthier.data.clean.rows import turns_of
from luthier.data.config import StyleSheetConfig
from luthier.data.labels import Labels
from luthier.domain.examples import Example
from luthier.domain.value import Value

_EXAMPLES = 5
_DAY = r"(?:[12]?\d|3[01])"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?|Januar|Februar|M\u00e4rz|Mai|Juni|Juli|Oktober|Dezember)"
)
_FACTS: Mapping[str, re.Pattern[str]] = {
    "price": re.compile(
        r"[$\u20ac\u00a3\u00a5]\s?\d[\d.,]{0,15}"
        r"|\b\d[\d.,]{0,15}\s?(?:\u20ac|USD|EUR|GBP|CHF|dollars?\b|euros?\b|pounds?\b)"
    ),
    "date": re.compile(
        rf"\b(?:19|20)\d\d-[01]\d-[0-3]\d\b|\b{_DAY}\.[01]?\d\.(?:19|20)?\d\d\b|\b{_DAY}/[01]?\d/(?:19|20)\d\d\b"
        rf"|\b{_DAY}\.? {_MONTH} (?:19|20)\d\d\b|\b{_MONTH} {_DAY},? (?:19|20)\d\d\b"
    ),
    "version": re.compile(r"\b[vV]\d{1,4}(?:\.\d{1,5}){1,3}\b|\b[vV]ersion \d{1,4}(?:\.\d{1,5}){0,3}\b"),
}
_DIGIT = re.compile(r"\d")
_STEP = re.compile(r"^\s*(?:\d+[.)]|step \d+)", re.IGNORECASE | re.MULTILINE)


class StyleNote(Value):
    """One thing that answers do, how many of them do it, and a few of their ids."""

    kind: str
    what: str
    rows: int = Field(ge=1)
    of: int = Field(ge=1)
    examples: tuple[str, ...]

    def sentence(self) -> str:
        """The note as the data card tells it."""
        end = ", ..." if self.rows > len(self.examples) else "."
        return f"{self.rows} of {self.of} {self.what}: {', '.join(self.examples)}{end}"


class StyleLint:
    """Counts what breaks the style sheet over any number of batches, in bounded memory; mergeable."""

    def __init__(self, sheet: StyleSheetConfig) -> None:
        self._sheet = sheet
        self._phrases = _phrase_pattern(sheet.phrases)
        self._rows = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], list[str]] = {}
        self._labels = Labels()

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at every row of a batch of `rows.SCHEMA`."""
        columns = (batch["id"].to_pylist(), batch["source"].to_pylist(), batch["strata"].to_pylist())
        for row_id, source, strata, turns in zip(*columns, turns_of(batch), strict=True):
            self.look(row_id, source, turns, dict(strata))

    def look(self, row_id: str, source: str, turns: Turns, strata: Mapping[str, str]) -> None:
        """Look at one row."""
        self._rows += 1
        ideal = turns[-1][1]
        self._labels.look(row_id, source, turns)
        if ideal[:1] in {"{", "["}:
            return
        for found in self._found(ideal, turns, strata):
            self._note(found, row_id)

    def merge(self, other: "StyleLint") -> None:
        """Take over what another saw of other rows."""
        self._rows += other._rows
        self._labels.merge(other._labels)
        for found, count in other._counts.items():
            self._counts[found] += count
            self._examples[found] = (self._examples.get(found, []) + other._examples[found])[:_EXAMPLES]

    def notes(self) -> tuple[StyleNote, ...]:
        """Everything seen so far, by kind and then by count."""
        told = [
            StyleNote(kind=kind, what=what, rows=count, of=self._rows, examples=tuple(self._examples[kind, what]))
            for (kind, what), count in self._counts.items()
        ]
        bare = [
            StyleNote(
                kind="criteria",
                what=f"rows of {found.source!r} are labels whose criteria are told neither in question nor in answer",
                rows=found.rows,
                of=found.of,
                examples=found.examples[:_EXAMPLES],
            )
            for found in self._labels.without_criteria()
        ]
        return tuple(sorted([*told, *bare], key=lambda note: (note.kind, -note.rows, note.what)))

    def _found(self, ideal: str, turns: Turns, strata: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        sheet = self._sheet
        if self._phrases:
            for phrase in {" ".join(found.lower().split()) for found in self._phrases.findall(ideal)}:
                yield "phrase", f"answers say {phrase!r}"
        if sheet.max_words is not None and len(ideal.split()) > sheet.max_words:
            yield "verbose", f"answers have more than {sheet.max_words} words"
        applies = all(strata.get(tag) == value for tag, value in sheet.reasoning_where.items())
        if sheet.reasoning and applies and (why := why_reasoning_fails(ideal, sheet.reasoning)) is not None:
            yield "reasoning", f"answers break the template of reasoning: {why}"
        for fact in mutable_facts(ideal, turns[:-1]):
            yield (
                "mutable_fact",
                f"answers state a {fact} that their question does not: it may change, and belongs in retrieval",
            )

    def _note(self, found: tuple[str, str], row_id: str) -> None:
        self._counts[found] += 1
        ids = self._examples.setdefault(found, [])
        if len(ids) < _EXAMPLES:
            ids.append(row_id)


def lint(rows: Iterable[Example], sheet: StyleSheetConfig) -> tuple[StyleNote, ...]:
    """The notes on rows in memory."""
    looked = StyleLint(sheet)
    for row in rows:
        looked.look(row.id, row.source, [(message.role, message.content) for message in row.messages], row.strata)
    return looked.notes()


def mutable_facts(answer: str, before: Turns) -> set[str]:
    """Kinds of facts in an answer (price, date, version) that nobody said before it."""
    if _DIGIT.search(answer) is None:
        return set()
    said = "\n".join(content for _, content in before)
    return {
        kind
        for kind, pattern in _FACTS.items()
        if any(found not in said and _figure(found) not in said for found in pattern.findall(answer))
    }


def why_reasoning_fails(answer: str, headings: Sequence[str]) -> str | None:
    """What an answer lacks of numbered reasoning under `headings`, the last of them the conclusion; None: nothing."""
    lines = answer.split("\n")
    starts: list[int] = []
    for heading in headings:
        after = starts[-1] + 1 if starts else 0
        place = next((at for at in range(after, len(lines)) if _is_heading(lines[at], heading)), None)
        if place is None:
            is_elsewhere = any(_is_heading(line, heading) for line in lines)
            return f"{heading!r} stands before what it follows from" if is_elsewhere else f"{heading!r} is missing"
        starts.append(place)
    sections = ["\n".join(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    for heading, section in zip(headings, sections, strict=True):
        if not _body(section, heading):
            return f"{heading!r} is empty"
    reasoning = "\n".join(sections[:-1]) if len(sections) > 1 else "\n".join(lines[: starts[0]])
    return None if _STEP.search(reasoning) else "no step is numbered before the conclusion"


def _is_heading(line: str, heading: str) -> bool:
    plain = re.sub(r"^[\s#*_>]*(?:\d+[.)]\s*)?[\s*_]*", "", line)
    return re.match(re.escape(heading) + r"\b", plain, re.IGNORECASE) is not None


def _body(section: str, heading: str) -> str:
    found = re.search(re.escape(heading), section, re.IGNORECASE)
    return section[found.end() :].strip(" \n:*_#-") if found else ""


def _figure(fact: str) -> str:
    """The figures of a fact, so that `EUR 20` repeats `20 EUR`."""
    return fact.strip("$\u20ac\u00a3\u00a5 ").split(" ")[0]


def _phrase_pattern(phrases: Sequence[str]) -> re.Pattern[str] | None:
    told = [r"\s+".join(re.escape(word) for word in phrase.split()) for phrase in phrases if phrase.strip()]
    return re.compile(rf"(?<!\w)(?:{'|'.join(told)})(?!\w)", re.IGNORECASE) if told else None
