"""The data stage: sources in, a snapshot with its gold set out, and every row accounted for."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from luthier.data import contradictions, leakage
from luthier.data.card import DataCard, SourceLine, count_strata, measure_lengths
from luthier.data.compare import Sides
from luthier.data.config import DataConfig, PiiConfig
from luthier.data.contradictions import find_contradictions
from luthier.data.duplicates import drop_duplicates
from luthier.data.gold import Parted, blocking, draw_gold, natural_overlaps, overlaps_with, part_from_frozen
from luthier.data.prepare import Prepared, prepare
from luthier.data.split import draw
from luthier.data.types import DataResult, Dropped, Ports, SourceFile
from luthier.domain.digests import canonical_json, digest_of_bytes
from luthier.domain.examples import Example
from luthier.domain.snapshots import GoldSet, Manifest, RowRef, Split
from luthier.domain.value import Json
from luthier.errors import LuthierError

VERSION = 1
"""Raised by hand when the same inputs would give another snapshot."""

_STEPS = 5
Splits = Mapping[Split, tuple[Example, ...]]


def run(
    ports: Ports,
    config: DataConfig,
    sources: Sequence[SourceFile],
    *,
    project: str,
    salt: str,
    pii_key: str | None = None,
    frozen_gold: GoldSet | None = None,
    gold_content: bytes | None = None,
    erased: Collection[str] = (),
    today: date | None = None,
) -> DataResult:
    """The snapshot of `sources`; the same inputs give the same one, also when its own gold set comes back as frozen.

    Args:
        ports: Where progress goes.
        config: The rules.
        sources: Each source with its bytes.
        project: Name on manifest and card.
        salt: Secret of the project; without it row digests tell nothing about rows.
        pii_key: What personal data is locked under where `config.pii.action` is `encrypt`.
        frozen_gold: The gold set of an earlier build: it stays the test split and is never drawn again.
        gold_content: The bytes of `config.gold.path`, while no gold set is frozen.
        erased: Ids and subjects of rows that must not be used; a frozen gold set is left to the caller.
        today: Decides which rows are past their retention; without it none is.

    Raises:
        Faults: Lines that cannot be read; all of them.
        Refused: Rows give the gold set away or contradict each other; all of them by name.
        UserError: Too few rows for the gold set, or an unknown tag or format.

    """
    prepared = prepare(
        config,
        sources,
        salt=salt,
        key=pii_key,
        frozen_gold=frozen_gold,
        gold_content=gold_content,
        erased=erased,
        today=today,
    )
    ports.progress("read and cleared", 1, _STEPS)
    sides = Sides([*(prepared.gold or ()), *prepared.rows])
    unique = drop_duplicates(prepared.rows, near_threshold=config.duplicates.near_threshold)
    ports.progress("duplicates", 2, _STEPS)
    rows, conflicting = _settle_contradictions(unique.kept, prepared.gold or (), config)
    ports.progress("contradictions", 3, _STEPS)
    parted = draw_gold(rows, sides, config) if prepared.gold is None else part_from_frozen(rows, prepared.gold)
    pool, leaked = _stop_leaks(parted, sides, prepared, config)
    ports.progress("gold and leakage", 4, _STEPS)
    splits = _split(pool, parted.gold, config)
    beside = tuple(Dropped(id=row.id, reason="group_in_gold") for row in parted.companions)
    dropped = (*prepared.dropped, *unique.dropped, *conflicting, *beside, *leaked)
    ports.progress("split", 5, _STEPS)
    manifest = _manifest(project, config, sources, prepared, splits, dropped, salt)
    return DataResult(
        gold=GoldSet(examples=splits["test"]),
        train=splits["train"],
        validation=splits["validation"],
        manifest=manifest,
        dropped=dropped,
        masked=prepared.masked,
        card=_card(manifest, config, sources, prepared, splits, parted.lookalikes),
    )


def _settle_contradictions(
    rows: Sequence[Example], gold: Sequence[Example], config: DataConfig
) -> tuple[tuple[Example, ...], tuple[Dropped, ...]]:
    """The rows without those that contradict another, or a refusal where the config says so."""
    found = find_contradictions([*gold, *rows], near_threshold=config.duplicates.near_threshold)
    if config.contradictions == "block":
        contradictions.refuse(found)
    why = {pair.first: f"with {pair.second}: {pair.reason}" for pair in found}
    why |= {pair.second: f"with {pair.first}: {pair.reason}" for pair in found}
    dropped = tuple(Dropped(id=row.id, reason="contradiction", detail=why[row.id]) for row in rows if row.id in why)
    return tuple(row for row in rows if row.id not in why), dropped


def _stop_leaks(
    parted: Parted, sides: Sides, prepared: Prepared, config: DataConfig
) -> tuple[tuple[Example, ...], tuple[Dropped, ...]]:
    """The rows that may train; a refusal where more of them give the gold set away than chance explains."""
    if prepared.gold is None:
        return parted.others, ()
    found = overlaps_with(parted.gold, sides, config.leakage)
    from_file = config.gold.path is not None and bool(found)
    natural = natural_overlaps(prepared.rows, len(parted.gold), config) if from_file else None
    leakage.refuse(blocking(found, natural))
    why = {overlap.row: f"{overlap.kind} of {overlap.gold}" for overlap in found}
    dropped = tuple(
        Dropped(id=row.id, reason="like_gold", detail=why[row.id]) for row in parted.others if row.id in why
    )
    return tuple(row for row in parted.others if row.id not in why), dropped


def _split(pool: Sequence[Example], gold: tuple[Example, ...], config: DataConfig) -> Splits:
    size = round(len(pool) * config.split.validation)
    tags = [tag for tag in config.gold.stratify_by if any(tag in row.strata for row in pool)]
    held_back = {row.id for row in draw(pool, size, stratify_by=tags, seed=config.seed).chosen}
    return {
        "train": tuple(row for row in pool if row.id not in held_back),
        "validation": tuple(row for row in pool if row.id in held_back),
        "test": gold,
    }


def _manifest(  # noqa: PLR0917 - private, and each is a different type
    project: str,
    config: DataConfig,
    sources: Sequence[SourceFile],
    prepared: Prepared,
    splits: Splits,
    dropped: Sequence[Dropped],
    salt: str,
) -> Manifest:
    """The manifest of a snapshot whose rows add up."""
    manifest = Manifest(
        project=project,
        rows=tuple(
            RowRef(id=row.id, split=split, row_digest=digest_of_bytes(salt.encode() + canonical_json(_body(row))))
            for split, rows in splits.items()
            for row in rows
        ),
        rows_in=prepared.rows_in,
        dropped=dict(sorted(Counter(row.reason for row in dropped).items())),
        masked=prepared.masked,
        filters=_filters(config),
        sources={file.path: digest_of_bytes(file.content) for file in sources},
        gold=GoldSet(examples=splits["test"]).digest,
    )
    _check_conservation(manifest)
    return manifest


def _body(row: Example) -> Json:
    return row.model_dump(mode="json")


def _check_conservation(manifest: Manifest) -> None:
    """Rows in are rows kept and rows dropped; anything else is a bug, and no snapshot is made of it."""
    out = len(manifest.rows) + sum(manifest.dropped.values())
    if out != manifest.rows_in or len({row.id for row in manifest.rows}) != len(manifest.rows):
        raise LuthierError(f"{manifest.rows_in} rows went into the data stage and {out} came out")


def _filters(config: DataConfig) -> dict[str, str]:
    """The settings that chose the rows, as text; where files lie is none of them."""
    settings = config.model_dump(mode="json", exclude={"sources": True, "gold": {"path"}})
    return {name: canonical_json(value).decode() for name, value in settings.items()} | {"version": str(VERSION)}


def _card(  # noqa: PLR0917 - private, and each is a different type
    manifest: Manifest,
    config: DataConfig,
    sources: Sequence[SourceFile],
    prepared: Prepared,
    splits: Splits,
    lookalikes: int,
) -> DataCard:
    notes = [f"{lookalikes} rows could not be gold because another row resembles them."] if lookalikes else []
    return DataCard(
        project=manifest.project,
        snapshot=manifest.digest,
        gold=manifest.gold,
        rows_in=manifest.rows_in,
        splits={split: len(rows) for split, rows in splits.items()},
        strata=count_strata(splits),
        lengths=measure_lengths(splits),
        masked=manifest.masked,
        dropped=manifest.dropped,
        pii=_told_pii(config.pii),
        sources=tuple(
            SourceLine(
                path=file.path,
                format=prepared.formats[file.path],
                rows=prepared.rows_per_source[file.path],
                lawful_basis=file.config.lawful_basis,
                retention_days=file.config.retention_days,
                purpose=file.config.purpose,
                file_digest=manifest.sources[file.path],
            )
            for file in sources
        ),
        notes=tuple(notes),
    )


def _told_pii(config: PiiConfig) -> str:
    if config.action == "off":
        return f"left in, cleared by {config.cleared_by}: {config.reason}"
    how = {"mask": "masked", "hash": "hashed", "replace": "replaced by made-up values", "encrypt": "locked"}
    told = how[config.action]
    return told if config.ner != "off" else f"{told}, names left in, cleared by {config.cleared_by}: {config.reason}"
