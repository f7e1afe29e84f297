"""What a file holds before anybody trusts it, and the section of the project file to read it with."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from luthier.data.clean.reasons import Turns
from luthier.data.clean.rows import turns_of
from luthier.data.config import DataConfig, SourceConfig
from luthier.data.ingest import FaultList
from luthier.data.readers.parts import Fault
from luthier.data.readers.sources import Item, origin_of, parts_of, read_part, read_source, shown
from luthier.domain.value import Value
from luthier.errors import Faults, UserError
from luthier.text.languages import language_of
from luthier.text.markup import has_markup
from luthier.text.quoting import split_reply
from luthier.text.repair import without_mojibake

Lengths: TypeAlias = NDArray[np.int64]
SHOWN_ROWS = 10
_CUT = 200
_PERCENTILES = (5, 50, 95, 100)
_LOOKED_AT = 20_000
"""Rows whose text is looked at for language and noise; the rest are counted."""
_WORTH_TELLING = 0.01
_HINTS = 3
"""Different hints about files that cannot be read, each beside the first such file."""
_ADVICE = {
    "mark_up": "hold HTML; `clean: {mark_up: true}` turns it into text",
    "quoted_tails": "quote earlier mails; `clean: {quoted_tails: true}` cuts them",
    "signatures": "end in a signature; `clean: {signatures: true}` cuts it",
    "mojibake": "hold misread letters; they are mended unless `clean: {mojibake: false}`",
}


class ShownRow(Value):
    """One row as far as it fits."""

    id: str
    messages: tuple[tuple[str, str], ...]
    tags: Mapping[str, str]
    rejected: str | None = None
    liked: bool | None = None


class Inspection(Value):
    """Everything that `luthier data inspect` tells of one source."""

    path: str
    formats: Mapping[str, int] = Field(description="Format -> files or tables read so.")
    rows: int = Field(ge=0)
    shown: tuple[ShownRow, ...]
    roles: Mapping[str, int] = Field(description="Role -> messages.")
    turns: Mapping[str, int] = Field(description="Messages a row: percentile -> count.")
    characters: Mapping[str, Mapping[str, int]] = Field(
        description="`question` or `answer` -> percentile -> characters."
    )
    languages: Mapping[str, int] = Field(description="ISO 639-1 code or `unknown` -> rows, among those looked at.")
    looked_at: int = Field(ge=0, description="Rows whose language and noise were looked at, from the start.")
    tags: Mapping[str, int] = Field(description="Tag -> different values, 1,000 at most.")
    with_tools: int = Field(ge=0)
    with_rejected: int = Field(ge=0)
    liked: int = Field(default=0, ge=0, description="Answers that a person judged by themselves and likes.")
    disliked: int = Field(default=0, ge=0, description="Such answers that a person does not like.")
    faults: int = Field(ge=0)
    first_faults: tuple[str, ...]
    left_out: Mapping[str, int] = Field(description="Records that hold nothing to learn from, by reason.")
    advice: tuple[str, ...]
    proposal: str = Field(description="YAML for `data`, in which `lawful_basis` is to be filled in by a person.")


def inspect(section: SourceConfig, *, folder: Path = Path()) -> Inspection:
    """What a source holds; faults are told and not raised, so that one look shows all of them.

    Raises:
        Faults: No file of it has a format that can be recognised; every file is named.
        UserError: It is not there, or is one file that cannot be read to its end.

    """
    origin = origin_of(section, DataConfig(sources=(section,)))
    looked = _Looked()
    if section.query is not None:
        for item in read_source(section, origin, folder=folder):
            looked.add(item)
        return looked.told(section)
    refused: list[UserError] = []
    parts = list(parts_of(section, folder=folder))
    for part in parts:
        try:
            for item in read_part(part, section.format, origin):
                looked.add(item)
        except UserError as fault:
            looked.refuse(part.place, fault)
            refused.append(fault)
    if refused and (len(parts) == 1 or not looked.has_read_anything):
        raise _together(section, refused)
    return looked.told(section)


def _together(section: SourceConfig, refused: Sequence[UserError]) -> UserError:
    """The one error, or one that names the fault of every file."""
    if len(refused) == 1:
        return refused[0]
    told = [line for each in refused for line in _lines_of(each)]
    return Faults(shown(section.path), told, hint=refused[0].hint)


def _lines_of(fault: UserError) -> tuple[str, ...]:
    return fault.faults if isinstance(fault, Faults) else (fault.message,)


def section_for(**fields: object) -> SourceConfig:
    """A section to look at a file with, before anybody has said why it may be used."""
    try:
        return SourceConfig.model_validate(fields | {"lawful_basis": "legitimate_interests"})
    except ValidationError as fault:
        told = fault.errors()[0]
        where = ".".join(str(name) for name in told["loc"][:2])
        hint = f"see {where!r}" if where else "see `sources` in docs/reference/project-file.md"
        raise UserError(told["msg"].removeprefix("Value error, "), hint=hint) from None


class _Looked:
    """Figures about rows while they pass by; narrow columns only."""

    def __init__(self) -> None:
        self._formats: dict[str, str] = {}
        self._shown: list[ShownRow] = []
        self._roles: Counter[str] = Counter()
        self._lengths: dict[str, list[Lengths]] = {"question": [], "answer": [], "turns": []}
        self._languages: Counter[str] = Counter()
        self._noise: Counter[str] = Counter()
        self._tags: dict[str, set[str]] = {}
        self._rows = self._looked_at = self._with_tools = self._with_rejected = 0
        self._judged: Counter[bool] = Counter()
        self._faults = FaultList()
        self._hints: dict[str, str] = {}
        self._left_out: Counter[str] = Counter()

    def add(self, item: Item) -> None:
        """One batch or fault more."""
        self._formats[item.place] = item.format
        if not isinstance(item.content, Fault):
            self._add_batch(item.content)
        elif item.content.blocking:
            self._faults.add(item.place, item.content)
        else:
            self._left_out[item.content.what] += 1

    @property
    def has_read_anything(self) -> bool:
        """Whether the format of a file was recognised."""
        return bool(self._formats)

    def refuse(self, place: str, fault: UserError) -> None:
        """One file that cannot be read."""
        for line in _lines_of(fault):
            self._faults.tell(line)
        if fault.hint:
            self._hints.setdefault(fault.hint, place)

    def _add_batch(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        self._with_tools += batch.num_rows - batch["tools"].null_count
        self._with_rejected += batch.num_rows - batch["rejected"].null_count
        self._judged.update(batch["liked"].drop_null().to_pylist())
        turns = turns_of(batch)
        self._roles.update(role for row in turns for role, _ in row)
        self._lengths["turns"].append(np.array([len(row) for row in turns]))
        self._lengths["answer"].append(np.array([len(row[-1][1]) for row in turns]))
        self._lengths["question"].append(np.array([sum(len(text) for _, text in row[:-1]) for row in turns]))
        self._count_tags(batch)
        for place, row in enumerate(turns[: _LOOKED_AT - self._looked_at]):
            self._looked_at += 1
            self._look(row)
            if len(self._shown) < SHOWN_ROWS:
                self._shown.append(_shown(batch, place, row))

    def _look(self, row: Turns) -> None:
        asked = next((text for role, text in reversed(row[:-1]) if role == "user"), "")
        ideal = row[-1][1]
        self._languages[language_of(asked if ideal[:1] in {"{", "["} else f"{asked}\n{ideal}")] += 1
        for text in (asked, ideal):
            found = {"mark_up": has_markup(text), "mojibake": without_mojibake(text) != text}
            reply = split_reply(text)
            found |= {
                "quoted_tails": bool(reply.text and reply.quoted),
                "signatures": bool(reply.text and reply.signature),
            }
            self._noise.update({kind for kind, is_there in found.items() if is_there})

    def _count_tags(self, batch: pa.RecordBatch) -> None:
        strata = batch["strata"]
        for tag, value in zip(strata.keys.to_pylist(), strata.items.to_pylist(), strict=True):
            values = self._tags.setdefault(tag, set())
            if len(values) < 1_000:
                values.add(value)

    def told(self, section: SourceConfig) -> Inspection:
        """The figures of all that passed."""
        return Inspection(
            path=section.path,
            formats=dict(Counter(self._formats.values())),
            rows=self._rows,
            shown=tuple(self._shown),
            roles=dict(self._roles.most_common()),
            turns=_percentiles(self._lengths["turns"]),
            characters={part: _percentiles(self._lengths[part]) for part in ("question", "answer")},
            languages=dict(self._languages.most_common()),
            looked_at=self._looked_at,
            tags={tag: len(values) for tag, values in sorted(self._tags.items())},
            with_tools=self._with_tools,
            with_rejected=self._with_rejected,
            liked=self._judged[True],
            disliked=self._judged[False],
            faults=self._faults.count,
            first_faults=tuple(self._faults.first(SHOWN_ROWS)),
            left_out=dict(self._left_out.most_common()),
            advice=tuple(self._advice()),
            proposal=proposal(section, next(iter(self._formats.values()), section.format)),
        )

    def _advice(self) -> Iterable[str]:
        yield from (f"{place}: {hint}" for hint, place in islice(self._hints.items(), _HINTS))
        for kind, count in self._noise.most_common():
            if count > _WORTH_TELLING * 2 * self._looked_at:
                yield f"{count} of {2 * self._looked_at} texts {_ADVICE[kind]}"


def proposal(section: SourceConfig, name: str) -> str:
    """The `sources` block that reads the file as it was read; consent is never guessed."""
    told = section.model_dump(mode="json", exclude_defaults=True, exclude={"lawful_basis"}) | {"format": name}
    if section.query is not None:
        told.pop("format")
    lines = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=110).splitlines()
    item = [f"    {'-' if place == 0 else ' '} {line}" for place, line in enumerate(lines)]
    return "\n".join([
        "data:",
        "  sources:",
        *item,
        "      # lawful_basis: say which of GDPR article 6 holds: consent, contract, legal_obligation,",
        "      #   vital_interests, public_task or legitimate_interests; nobody can tell it from the file",
        "      # purpose: what the data was collected for; retention_days: how long a row may be kept",
    ])  # fmt: skip


def _percentiles(lengths: list[Lengths]) -> dict[str, int]:
    """5%, median, 95% and longest; empty where there are no rows."""
    if not lengths:
        return {}
    figures = np.percentile(np.concatenate(lengths), _PERCENTILES)
    return {name: int(figure) for name, figure in zip(("5%", "median", "95%", "longest"), figures, strict=True)}


def _shown(batch: pa.RecordBatch, place: int, turns: Turns) -> ShownRow:
    rejected = batch["rejected"][place].as_py()
    return ShownRow(
        id=batch["id"][place].as_py(),
        messages=tuple((role, _cut(text)) for role, text in turns),
        tags=dict(batch["strata"][place].as_py()),
        rejected=None if rejected is None else _cut(rejected),
        liked=batch["liked"][place].as_py(),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else f"{text[:_CUT]}... ({len(text):,} characters)"
