"""The end of a build: parts, row list and drop list on disk, a manifest whose rows add up, and the card."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from luthier.data.card import DataCard, Lengths, SourceLine, lengths_of
from luthier.data.config import DataConfig, PiiConfig
from luthier.data.executors.executor import Executor
from luthier.data.plan.parts import WriteTask, Wrote, write_dropped, write_parts, write_row_list
from luthier.data.plan.passes import Passes
from luthier.data.plan.preferences import UNWANTED, WANTED
from luthier.data.plan.shaped import Shaped
from luthier.data.style import StyleLint
from luthier.data.types import DataResult, SourceFile
from luthier.domain.digests import canonical_json
from luthier.domain.snapshots import SPLITS, GoldSet, Manifest, Split
from luthier.errors import LuthierError

ROW_LIST, DROPPED = "rows.parquet", "dropped.parquet"


@dataclass(frozen=True)
class Ending:
    """What is known of a build besides its rows."""

    project: str
    config: DataConfig
    sources: Sequence[SourceFile]
    gold_file: SourceFile | None
    version: int
    clusters: dict[int, int]
    reworded: dict[int, int]
    missing: Sequence[str]
    notes: Sequence[str]


def keep(passes: Passes, executor: Executor, folder: Path, ending: Ending) -> DataResult:
    """Everything that a snapshot is made of, below `folder`."""
    shaped, fates = passes.shaped, passes.fates
    gold = GoldSet(examples=tuple(passes.shards.examples(np.flatnonzero(fates.is_in("test")))))
    codes = [fates.codes[passes.shards.of_shard(number)] for number in range(len(shaped.files))]
    tasks = [
        WriteTask(number, file, mine, folder, ending.config.style_sheet)
        for number, (file, mine) in enumerate(zip(shaped.files, codes, strict=True))
    ]
    wrote = list(executor.run(write_parts, tasks))
    rows = write_row_list(folder / ROW_LIST, passes.shards, fates)
    write_dropped(folder / DROPPED, shaped.left_out, passes.shards, fates)
    manifest = _manifest(passes, ending, gold.digest, rows)
    return DataResult(
        gold=gold,
        manifest=manifest,
        parts=tuple(part for each in wrote for part in each.parts),
        folder=folder,
        masked=manifest.masked,
        card=_card(passes, ending, manifest, wrote),
        first_end=min((facts.first_end for facts in shaped.facts if facts.first_end), default=None),
    )


def _manifest(passes: Passes, ending: Ending, gold: str, rows: str) -> Manifest:
    shaped, fates = passes.shaped, passes.fates
    read = sum(facts.rows_in for facts in shaped.facts)
    known = 0 if shaped.gold_source is not None else shaped.gold_rows - int(fates.is_itself.sum())
    manifest = Manifest(
        project=ending.project,
        splits={split: int((fates.is_in(split) & ~passes.preferences).sum()) for split in SPLITS},
        preferences=_counted({split: int((fates.is_in(split) & passes.preferences).sum()) for split in SPLITS}),
        rows=rows,
        rows_in=read + known,
        dropped=dict(sorted((Counter(shaped.counted("dropped")) + Counter(fates.counts())).items())),
        masked=shaped.counted("masked"),
        filters=_filters(ending),
        sources={file.path: file.file_digest for file in ending.sources},
        gold=gold,
    )
    _check_conservation(manifest, passes)
    return manifest


def _check_conservation(manifest: Manifest, passes: Passes) -> None:
    """Rows in are rows kept, preferences and rows dropped; anything else is a bug, and no snapshot is made of it."""
    out = sum(map(sum, (each.values() for each in (manifest.splits, manifest.preferences, manifest.dropped))))
    if out != manifest.rows_in or passes.fates.open.any():
        raise LuthierError(f"{manifest.rows_in} rows went into the data stage and {out} came out")


def _filters(ending: Ending) -> dict[str, str]:
    """The settings that chose the rows, as text; where files lie and who does the work is none of them."""
    beside: dict[str, bool | set[str]] = {
        "sources": True,
        "engine": True,
        "workers": True,
        "synthesize": True,
        "gold": {"path"},
    }
    settings = ending.config.model_dump(mode="json", exclude=beside)
    told = {name: canonical_json(value).decode() for name, value in settings.items()}
    return told | {"version": str(ending.version)}


def _card(passes: Passes, ending: Ending, manifest: Manifest, wrote: Sequence[Wrote]) -> DataCard:
    shaped = passes.shaped
    return DataCard(
        project=manifest.project,
        snapshot=manifest.digest,
        gold=manifest.gold,
        rows_in=manifest.rows_in,
        splits={str(split): rows for split, rows in manifest.splits.items()},
        preferences=_preferences(passes),
        strata=_strata(wrote),
        lengths=tuple(_lengths(passes)),
        masked=manifest.masked,
        mended=shaped.counted("mended"),
        languages=shaped.counted("languages"),
        checked=sum(facts.checked for facts in shaped.facts),
        left=shaped.counted("left"),
        dropped=manifest.dropped,
        clusters=ending.clusters,
        reworded=ending.reworded,
        pii=_told_pii(ending.config.pii),
        sources=tuple(_source_lines(shaped, ending)),
        missing=tuple(ending.missing),
        notes=(
            *ending.notes,
            *_consent_notes(shaped, ending),
            *_unwanted_notes(shaped),
            *_style_notes(wrote, ending.config),
        ),
    )


def _counted(rows: dict[Split, int]) -> dict[Split, int]:
    """The splits that hold any."""
    return {split: count for split, count in rows.items() if count}


def _preferences(passes: Passes) -> dict[str, dict[str, int]]:
    """Pairs, and answers that were judged alone, by what was thought of them: kind -> split -> how many."""
    keys = passes.shards.figures("preference_key").astype(np.uint64)
    kinds = {"pairs": keys > UNWANTED, "wanted answers": keys == WANTED, "unwanted answers": keys == UNWANTED}
    counts = {kind: {split: int((mask & passes.fates.is_in(split)).sum()) for split in SPLITS}
              for kind, mask in kinds.items()}  # fmt: skip
    return {kind: {str(split): rows for split, rows in _counted(found).items()}
            for kind, found in counts.items() if any(found.values())}  # fmt: skip


def _strata(wrote: Sequence[Wrote]) -> dict[str, dict[str, int]]:
    """Rows per `tag=value` and split, sorted by tag."""
    counts: dict[str, dict[str, int]] = {}
    for each in wrote:
        for split, seen in each.strata.items():
            for (tag, value), rows in seen.items():
                per_split = counts.setdefault(f"{tag}={value}", {})
                per_split[split] = per_split.get(split, 0) + rows
    return {name: {split: counts[name][split] for split in SPLITS if split in counts[name]} for name in sorted(counts)}


def _style_notes(wrote: Sequence[Wrote], config: DataConfig) -> list[str]:
    """How answers break the style sheet, and what in them will change."""
    style = StyleLint(config.style_sheet)
    for each in wrote:
        style.merge(each.style)
    return [note.sentence() for note in style.notes()]


def _lengths(passes: Passes) -> list[Lengths]:
    """Length figures of every split that holds a row."""
    columns = {part: passes.shards.figures(f"{part}_chars").astype(np.int64) for part in ("question", "answer")}
    masks = {split: passes.fates.is_in(split) & ~passes.preferences for split in SPLITS}
    return [
        lengths_of(split, part, characters[mask])
        for split, mask in masks.items()
        if mask.any()
        for part, characters in columns.items()
    ]


def _source_lines(shaped: Shaped, ending: Ending) -> list[SourceLine]:
    files = [*([ending.gold_file] if ending.gold_file else []), *ending.sources]
    formats = {facts.source: facts.format for facts in shaped.facts}
    shown = [(number, file) for number, file in enumerate(files) if file is not ending.gold_file]
    return [
        SourceLine(
            path=file.path,
            format=formats[number],
            rows=shaped.rows_per_source[number],
            lawful_basis=file.config.lawful_basis,
            retention_days=file.config.retention_days,
            undated=sum(facts.undated for facts in shaped.facts if facts.source == number),
            purpose=file.config.purpose,
            terms=file.config.terms,
            file_digest=file.file_digest,
        )
        for number, file in shown
    ]


def _consent_notes(shaped: Shaped, ending: Ending) -> list[str]:
    """What a source leaves open that somebody will ask about."""
    told = []
    for source in _source_lines(shaped, ending):
        if source.undated:
            told.append(
                f"{source.undated} of the rows of {source.path!r} have no date, so their {source.retention_days} days "
                "of retention never end: map one with `columns: {date: ...}`."
            )
        if not source.purpose:
            told.append(f"{source.path!r} does not state the `purpose` that its rows were collected for.")
    return told


def _unwanted_notes(shaped: Shaped) -> list[str]:
    """How many preferences teach form, which a schema can demand, in place of judgement."""
    broken = sum(facts.broken_unwanted for facts in shaped.facts)
    if not broken:
        return []
    return [f"{broken} rejected or disliked answers break the tools or the schema of their row: they teach form alone."]


def _told_pii(config: PiiConfig) -> str:
    if config.action == "off":
        return f"left in, cleared by {config.cleared_by}: {config.reason}"
    how = {"mask": "masked", "hash": "hashed", "replace": "replaced by made-up values", "encrypt": "locked"}
    told = how[config.action]
    return told if config.ner != "off" else f"{told}, names left in, cleared by {config.cleared_by}: {config.reason}"
