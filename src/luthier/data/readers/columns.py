"""From drafts to record batches: tags become strata, groups, subjects and dates."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

import pyarrow as pa

from luthier.data.config import LAWFUL_BASES
from luthier.data.readers.parts import Convert, Draft, Fault, Malformed, NothingToLearn, Origin, Record, Records
from luthier.data.rows import MESSAGE, SCHEMA
from luthier.domain.value import Json

MAX_BATCH_ROWS = 8_192
MAX_BATCH_BYTES = 32_000_000
_MAX_TAG_CHARACTERS = 100
_DATES = ("collected_on", "date", "created_at", "timestamp")
_NO_STRATA = frozenset({"id", "subject", "lawful_basis", "consent", "training_allowed", "synthetic", *_DATES})
_BASES = frozenset(LAWFUL_BASES)
_YES = frozenset({"yes", "true", "1"})


def read_records(records: Records, convert: Convert, origin: Origin) -> Iterator[pa.RecordBatch | Fault]:
    """Batches of the rows that `convert` finds in the records, and every fault."""
    columns = RowColumns(origin)
    for item in records:
        if not isinstance(item, Record):  # asking for a Fault costs a microsecond, as pydantic's classes do
            yield item
            continue
        try:
            for draft in convert(item.row, origin):
                columns.add(item.line, draft)
        except Malformed as why:
            yield Fault(line=item.line, what=str(why))
        except NothingToLearn as why:
            yield Fault(line=item.line, what=str(why), blocking=False)
        columns.size += item.size
        if columns.is_full:
            yield columns.take()
    if columns.ids:
        yield columns.take()


class RowColumns:
    """Rows on their way into a batch, as one list per column."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._where = origin.where
        self._basis = origin.lawful_basis
        self._group_by = origin.group_by or ""
        self._is_dated = "date" in origin.columns
        self._no_strata = _NO_STRATA | ({origin.group_by} if origin.group_by else set())
        self._asked = frozenset(origin.stratify_by)
        self._clear()

    def _clear(self) -> None:
        self.size = 0
        self.ids: list[str] = []
        self.lines: list[int] = []
        self.roles: list[str] = []
        self.contents: list[str] = []
        self.message_ends: list[int] = [0]
        self.tools: list[str | None] = []
        self.rejected: list[str | None] = []
        self.liked: list[bool | None] = []
        self.tags: list[str] = []
        self.tag_values: list[str] = []
        self.tag_ends: list[int] = [0]
        self.bases: list[str] = []
        self.subjects: list[str | None] = []
        self.groups: list[str | None] = []
        self.dates: list[date | None] = []
        self.synthetic: list[bool] = []

    @property
    def is_full(self) -> bool:
        """Whether the batch must be taken before more rows are added."""
        return len(self.ids) >= MAX_BATCH_ROWS or self.size >= MAX_BATCH_BYTES

    def add(self, line: int, draft: Draft) -> None:
        """Append one row; Malformed, with nothing appended, where it is no example."""
        messages, tags = draft.messages, draft.tags
        _check(messages)
        basis = tag_text(tags, "lawful_basis") if "lawful_basis" in tags else None
        basis = basis or self._basis
        if basis not in _BASES:
            raise Malformed(f"the lawful basis is none of {list(LAWFUL_BASES)}")
        if "consent" in tags and (tag_text(tags, "consent") or "no").lower() not in _YES:
            raise Malformed("it says that there is no consent to its use")
        if "training_allowed" in tags and (tag_text(tags, "training_allowed") or "no").lower() not in _YES:
            raise Malformed("its terms do not allow training on it")
        collected_on = _collected_on(tags)
        if collected_on is None and self._is_dated:
            raise Malformed("it states no date, which `columns` says that every row does: no retention can be counted")
        strata = self._strata(tags)
        group = tag_text(tags, self._group_by) if self._group_by in tags else None
        self.ids.append(self._id(line, draft))
        self.lines.append(line)
        self.roles += [role for role, _ in messages]
        self.contents += [content for _, content in messages]
        self.message_ends.append(len(self.roles))
        self.tools.append(draft.tools)
        self.rejected.append(draft.rejected)
        self.liked.append(draft.liked)
        if strata:
            self.tags += [name for name, _ in strata]
            self.tag_values += [value for _, value in strata]
        self.tag_ends.append(len(self.tags))
        self.bases.append(basis)
        self.subjects.append(tag_text(tags, "subject") if "subject" in tags else None)
        self.groups.append(group or draft.thread)
        self.dates.append(collected_on)
        self.synthetic.append(self._is_synthetic(tags) if "synthetic" in tags else self._origin.synthetic)

    def take(self) -> pa.RecordBatch:
        """The rows so far as one batch; the next row begins a new one."""
        contents = pa.StructArray.from_arrays(
            [pa.array(self.roles, pa.string()), pa.array(self.contents, pa.string())], fields=list(MESSAGE)
        )
        strata = pa.MapArray.from_arrays(
            pa.array(self.tag_ends, pa.int32()),
            pa.array(self.tags, pa.string()),
            pa.array(self.tag_values, pa.string()),
        )
        source = pa.array([self._origin.source], pa.string()).take(pa.array([0] * len(self.ids), pa.int32()))
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(self.ids, pa.string()),
                source,
                pa.array(self.lines, pa.int64()),
                pa.ListArray.from_arrays(
                    pa.array(self.message_ends, pa.int32()), contents, type=SCHEMA.field("messages").type
                ),
                pa.array(self.tools, pa.string()),
                pa.array(self.rejected, pa.string()),
                pa.array(self.liked, pa.bool_()),
                strata,
                pa.array(self.bases, pa.string()),
                pa.array(self.subjects, pa.string()),
                pa.array(self.groups, pa.string()),
                pa.array(self.dates, pa.date32()),
                pa.array(self.synthetic, pa.bool_()),
            ],
            schema=SCHEMA,
        )
        self._clear()
        return batch

    def _id(self, line: int, draft: Draft) -> str:
        told = tag_text(draft.tags, "id") if "id" in draft.tags else None
        row_id = told or f"{self._where}:{line}"
        return row_id if draft.part is None else f"{row_id}/{draft.part}"

    def _strata(self, tags: Mapping[str, Json]) -> list[tuple[str, str]]:
        """The tags that figures are split by: those asked for, and every other short text; sorted."""
        no_strata = self._no_strata
        found = {
            tag: value
            for tag, value in tags.items()
            if tag not in no_strata and type(value) is str and len(value) <= _MAX_TAG_CHARACTERS
        }
        for tag in self._asked:
            if (told := tag_text(tags, tag)) is not None:
                found[tag] = told
        return sorted(found.items())

    def _is_synthetic(self, tags: Mapping[str, Json]) -> bool:
        told = tag_text(tags, "synthetic")
        return self._origin.synthetic if told is None else told.lower() in _YES


def _check(messages: Sequence[tuple[str, str]]) -> None:
    if len(messages) < 2:
        raise Malformed("a conversation needs at least a question and its answer")
    if messages[-1][0] != "assistant":
        raise Malformed("the last message must be the assistant's ideal answer")
    for role, _ in messages:
        if role == "user":
            return
    raise Malformed("no user message comes before the answer")


def tag_text(tags: Mapping[str, Json], name: str) -> str | None:
    """One tag as text; true and false as `yes` and `no`; None where it is absent, blank, or neither text nor figure."""
    value = tags.get(name)
    if type(value) is str:
        return value.strip() or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else None


def _collected_on(tags: Mapping[str, Json]) -> date | None:
    for name in _DATES:
        if name in tags and (value := tag_text(tags, name)):
            try:
                return day_of(value)
            except (ValueError, OverflowError):
                raise Malformed(f"a date among {list(_DATES)} is neither ISO 8601 nor Unix time") from None
    return None


@lru_cache(maxsize=4096)
def day_of(value: str) -> date:
    """The day of an ISO 8601 time, or of seconds or milliseconds since 1970 in UTC; ValueError for anything else."""
    whole = value.split(".", maxsplit=1)[0]
    if whole.isdecimal() and len(whole) in {9, 10, 13}:
        seconds = int(whole) / (1000 if len(whole) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC).date()
    return datetime.fromisoformat(value).date()
