"""Cleaning over rows as values and over record batches; both by the same rules."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pyarrow as pa

from luthier.data.clean.boilerplate import Boilerplate, LineCounts
from luthier.data.clean.reasons import Turns, why_not
from luthier.data.clean.targets import why_target_fails
from luthier.data.clean.texts import Mender
from luthier.data.config import CleanConfig
from luthier.data.rows import MESSAGE, SCHEMA
from luthier.data.types import Dropped
from luthier.domain.examples import Example, Message
from luthier.domain.value import Value

_SPOKEN = frozenset({"user", "assistant"})


class Cleaned(Value):
    """Rows that stay and rows that do not; together all that came in."""

    kept: tuple[Example, ...]
    dropped: tuple[Dropped, ...]
    changes: Mapping[str, int] = {}
    """Kind of change -> rows that stay and were changed so."""


@dataclass(frozen=True)
class CleanedBatch:
    """The rows of a batch that stay, those that do not, and what was changed in those that stay."""

    kept: pa.RecordBatch
    dropped: tuple[Dropped, ...]
    changes: Counter[str] = field(default_factory=Counter)
    broken_unwanted: int = 0
    """Answers nobody wants, in rows that stay, that break the tools or the schema of their row."""


class Cleaner:
    """The rules of a project; a kernel over batches, to be made once per process."""

    def __init__(self, config: CleanConfig, boilerplate: Boilerplate | None = None) -> None:
        self._config = config
        self._mender = Mender(config)
        self._boilerplate = boilerplate or {}

    def clean(self, batch: pa.RecordBatch) -> CleanedBatch:
        """The batch of `rows.SCHEMA` with tidy text; rows that teach nothing are left out with their reason."""
        turns = turns_of(batch)
        tools, strata = batch["tools"].to_pylist(), batch["strata"].to_pylist()
        ids, sources, rejected, liked = (batch[name].to_pylist() for name in ("id", "source", "rejected", "liked"))
        broken = 0
        kept: list[int] = []
        tidied: list[Turns] = []
        dropped: list[Dropped] = []
        changes: Counter[str] = Counter()
        for place, row in enumerate(turns):
            tidy, changed = self._tidied(row, sources[place])
            rejected[place] = self._tidy_rejected(rejected[place], sources[place])
            is_wanted = liked[place] is not False
            reason = why_not(tidy, tools[place] if is_wanted else None, dict(strata[place]), self._config)
            if reason:
                dropped.append(Dropped(id=ids[place], reason=reason))
            else:
                kept.append(place)
                tidied.append(tidy)
                changes.update(changed)
                broken += self._is_broken(rejected[place] if is_wanted else tidy[-1][1], tools[place])
        place = SCHEMA.get_field_index("rejected")
        batch = batch.set_column(place, SCHEMA.field(place), pa.array(rejected, pa.string()))
        return CleanedBatch(_with_turns(batch, kept, tidied), tuple(dropped), changes, broken)

    def _is_broken(self, unwanted: str | None, tools: str | None) -> bool:
        """Whether an answer that nobody wants breaks its tools, which is no reason to leave its row out."""
        if unwanted is None or tools is None or not self._config.check_targets:
            return False
        return why_target_fails(unwanted, tools) is not None

    def example(self, row: Example) -> tuple[Example, str | None, set[str]]:
        """The row with tidy text, the reason to leave it out, and what was changed."""
        tidy, changed = self._tidied([(message.role, message.content) for message in row.messages], row.source)
        messages = tuple(
            Message(role=message.role, content=content)
            for message, (_, content) in zip(row.messages, tidy, strict=True)
        )
        return row.model_copy(update={"messages": messages}), why_not(tidy, None, row.strata, self._config), changed

    def _tidy_rejected(self, text: str | None, source: str) -> str | None:
        """A rejected answer as tidy as the chosen one, or tidiness is all that a model would learn to prefer."""
        if text is None:
            return None
        return self._mender.mended(text, "assistant", self._boilerplate.get(source, frozenset()), set()) or None

    def _tidied(self, turns: Turns, source: str) -> tuple[list[tuple[str, str]], set[str]]:
        changed: set[str] = set()
        lines = self._boilerplate.get(source, frozenset())
        return [(role, self._mender.mended(content, role, lines, changed)) for role, content in turns], changed


def clean(rows: Iterable[Example], config: CleanConfig | None = None) -> Cleaned:
    """Every row with tidy text, in memory; empty, garbled, echoing, truncated and oversized rows are left out."""
    chosen = config or CleanConfig()
    told = list(rows)
    cleaner = Cleaner(chosen, _boilerplate_of(told, chosen))
    kept: list[Example] = []
    dropped: list[Dropped] = []
    changes: Counter[str] = Counter()
    for row in told:
        tidied, reason, changed = cleaner.example(row)
        if reason:
            dropped.append(Dropped(id=row.id, reason=reason))
        else:
            kept.append(tidied)
            changes.update(changed)
    return Cleaned(kept=tuple(kept), dropped=tuple(dropped), changes=dict(sorted(changes.items())))


def count_lines(batch: pa.RecordBatch, counts: LineCounts) -> None:
    """Count the lines of a batch, for a project that cuts boilerplate; the first of its two passes."""
    for source, turns in zip(batch["source"].to_pylist(), turns_of(batch), strict=True):
        counts.add(source, [content for role, content in turns if role in _SPOKEN])


def turns_of(batch: pa.RecordBatch) -> list[Turns]:
    """Role and text of every message, row by row."""
    messages = batch["messages"]
    flat = messages.flatten()
    pairs = list(zip(flat.field("role").to_pylist(), flat.field("content").to_pylist(), strict=True))
    ends = messages.offsets.to_pylist()
    first = ends[0] if ends else 0
    return [pairs[start - first : end - first] for start, end in pairwise(ends)]


def _with_turns(batch: pa.RecordBatch, kept: Sequence[int], turns: Sequence[Turns]) -> pa.RecordBatch:
    ends = [0]
    for row in turns:
        ends.append(ends[-1] + len(row))
    flat = [turn for row in turns for turn in row]
    contents = pa.StructArray.from_arrays(
        [pa.array([role for role, _ in flat], pa.string()), pa.array([text for _, text in flat], pa.string())],
        fields=list(MESSAGE),
    )
    messages = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), contents, type=SCHEMA.field("messages").type)
    rest = batch.take(pa.array(kept, pa.int64()))
    columns = [messages if name == "messages" else rest[name] for name in SCHEMA.names]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _boilerplate_of(rows: Sequence[Example], config: CleanConfig) -> Boilerplate | None:
    if config.boilerplate_share is None:
        return None
    counts = LineCounts()
    for row in rows:
        counts.add(row.source, [message.content for message in row.messages if message.role in _SPOKEN])
    return counts.boilerplate(config.boilerplate_share)
