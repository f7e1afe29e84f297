"""The first half of the data stage: rows that may be used, in one form, without personal data."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from luthier.data.clean import clean
from luthier.data.config import DataConfig, LawfulBasis, SourceConfig
from luthier.data.ingest import ingest
from luthier.data.personal import hide_ids, take_out_personal_data
from luthier.data.types import Dropped, SourceFile, SourceRow
from luthier.domain.examples import Example
from luthier.domain.snapshots import GoldSet
from luthier.errors import MissingInput, Refused, UserError


@dataclass(frozen=True)
class Prepared:
    """Rows of the sources that are not gold, and the gold rows where they are known already."""

    rows: tuple[Example, ...]
    gold: tuple[Example, ...] | None
    dropped: tuple[Dropped, ...]
    masked: Mapping[str, int]
    rows_in: int
    formats: Mapping[str, str]
    rows_per_source: Mapping[str, int]


def prepare(
    config: DataConfig,
    sources: Sequence[SourceFile],
    *,
    salt: str,
    key: str | None = None,
    frozen_gold: GoldSet | None,
    gold_content: bytes | None,
    erased: Collection[str],
    today: date | None,
) -> Prepared:
    """The rows to build from; a source row that is a gold row itself counts once, as gold."""
    from_file = frozen_gold is None and config.gold.path is not None
    gold_file = _gold_file(config, gold_content) if from_file else None
    files = [*sources, gold_file] if gold_file else list(sources)
    ingested = ingest(files, config)
    usable, unusable = _may_be_used(ingested.rows, files, erased, today)
    cleaned = clean(usable)
    rows = [row for row in cleaned.kept if gold_file is None or row.source != gold_file.path]
    unnamed = take_out_personal_data(rows, config.pii, salt, key=key)
    gold = frozen_gold.examples if frozen_gold else None
    if gold_file:
        of_file = [row for row in cleaned.kept if row.source == gold_file.path]
        gold = take_out_personal_data(of_file, config.pii, salt, key=key).rows
        if not gold:
            raise UserError(f"no row of the gold set {gold_file.path!r} can be used", hint="are its answers empty?")
    others, themselves = _without_gold(unnamed.rows, frozen_gold)
    per_source = Counter(row.example.source for row in ingested.rows)
    return Prepared(
        rows=others,
        gold=gold,
        dropped=hide_ids((*unusable, *cleaned.dropped), config.pii, salt),
        masked=unnamed.found,
        rows_in=len(ingested.rows) + (len(frozen_gold.examples) - themselves if frozen_gold else 0),
        formats={file.path: name for file, name in zip(files, ingested.formats, strict=True)},
        rows_per_source={file.path: per_source[file.path] for file in files},
    )


def _gold_file(config: DataConfig, content: bytes | None) -> SourceFile:
    path = config.gold.path or ""
    if content is None:
        raise MissingInput(f"the gold set {path!r} was not read", hint="check `data.gold.path`")
    section = SourceConfig(path=path, format=config.gold.format, lawful_basis=_gold_basis(config))
    return SourceFile(path=path, content=content, config=section)


def _gold_basis(config: DataConfig) -> LawfulBasis:
    bases = {source.lawful_basis for source in config.sources}
    if config.gold.lawful_basis is None and len(bases) > 1:
        raise UserError(
            "the sources have several lawful bases and the gold file states none", hint="set `data.gold.lawful_basis`"
        )
    return config.gold.lawful_basis or config.sources[0].lawful_basis


def _may_be_used(
    rows: Sequence[SourceRow], files: Sequence[SourceFile], erased: Collection[str], today: date | None
) -> tuple[list[Example], list[Dropped]]:
    """Rows that nobody asked to erase and that are not past their retention."""
    days = {file.path: file.config.retention_days for file in files}
    usable: list[Example] = []
    unusable: list[Dropped] = []
    for row in rows:
        example = row.example
        if example.id in erased or (example.subject is not None and example.subject in erased):
            unusable.append(Dropped(id=example.id, reason="erased"))
        elif _is_past(row.collected_on, days[example.source], today):
            unusable.append(Dropped(id=example.id, reason="retention_over"))
        else:
            usable.append(example)
    return usable, unusable


def _is_past(collected_on: date | None, retention_days: int | None, today: date | None) -> bool:
    if collected_on is None or retention_days is None or today is None:
        return False
    return collected_on + timedelta(days=retention_days) < today


def _without_gold(rows: Sequence[Example], frozen: GoldSet | None) -> tuple[tuple[Example, ...], int]:
    """Rows that are no gold row themselves (same id, same conversation), and how many were."""
    known = {row.id: row.messages for row in frozen.examples} if frozen else {}
    others = tuple(row for row in rows if known.get(row.id) != row.messages)
    clash = [row.id for row in others if row.id in known]
    if clash:
        raise Refused(
            f"{len(clash)} rows have the id of a gold row and another text than it: {', '.join(clash)}",
            hint="restore these rows; where lines moved, give each row an `id` of its own before the gold set is made",
        )
    return others, len(rows) - len(others)
