"""Sources to snapshot: run the data stage, freeze the gold set, keep manifest, rows and card."""

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path

from luthier.data.card import DataCard
from luthier.data.config import SourceConfig
from luthier.data.executors.executor import opened
from luthier.data.gold import gold_source
from luthier.data.plan.bodies import batch_of
from luthier.data.plan.cleaning import hidden
from luthier.data.plan.consent import are_erased
from luthier.data.plan.kept import DROPPED, ROW_LIST
from luthier.data.plan.reading import read_examples, size_of, source_digest
from luthier.data.plan.rewording import SIMILAR
from luthier.data.readers.sources import shown
from luthier.data.regressions import regressions
from luthier.data.stage import VERSION
from luthier.data.stage import run as build
from luthier.data.types import DataResult, SourceFile
from luthier.domain.digests import digest_of
from luthier.domain.examples import Example
from luthier.domain.snapshots import Bodies, GoldSet, Manifest
from luthier.domain.value import Value
from luthier.errors import Refused, Tampered
from luthier.evaluate.safety.public import imported, is_public, path_in
from luthier.evaluate.safety.suites import is_shipped, shipped
from luthier.lifecycle.absence import prove_absence
from luthier.lifecycle.resolutions import resolutions
from luthier.lifecycle.rows import rows_of
from luthier.lifecycle.salt import pii_key, project_salt
from luthier.lifecycle.withdrawn import withdrawn_gold_rows, withdrawn_keys
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.store.faults import disk_faults
from luthier.text.encoding import Encode
from luthier.variants.engines.encoders import encoder_folder, open_encoder
from luthier.variants.engines.folders import weights_digest

__all__ = ["benchmark_rows", "gold_set", "rows_of", "settle_data"]

LIBRARIES = ("polars", "scikit-learn", "numpy", "pyarrow")
PARQUET = "application/vnd.apache.parquet"
_BESIDE = {"engine", "workers", "synthesize"}
"""Who does the work, and what is done before there are rows: they change no byte of a snapshot."""


class _Ports:
    def __init__(self, work: Workspace) -> None:
        self._work = work

    def progress(self, step: str, done: int, of: int) -> None:
        self._work.voice.progress(step, done, of)


def settle_data(work: Workspace) -> Settled:
    """The snapshot of the sources as they are now; the gold set of the first one is the gold set for ever."""
    config = work.config.data
    sources = [_source(work, section) for section in config.sources]
    inputs = {f"source:{source.path}": source.file_digest for source in sources}
    of_gold = gold_source(config)
    gold_file = _source(work, of_gold) if of_gold else None
    if gold_file:
        inputs["gold_file"] = _unchanged_gold_file(work, gold_file)
    keys = withdrawn_keys(work)
    if keys:
        inputs["withdrawn"] = digest_of(sorted(keys))
    cut = _retention_cut(work)
    if cut:
        inputs["retention"] = digest_of(cut.isoformat())
    if config.embeddings.engine == "local":
        inputs["encoder"] = weights_digest(encoder_folder(config.embeddings, work.loaded.folder))
    shaped_from = digest_of(inputs)  # decisions about contradictions leave every shard as it is
    decided = resolutions(work)
    if decided:
        inputs["resolutions"] = digest_of([each.model_dump(mode="json") for each in decided])
    return work.settle(
        "data",
        version_number=VERSION,
        section=config.model_dump(mode="json", exclude=_BESIDE),
        inputs=inputs,
        libraries=LIBRARIES,
        perform=lambda: _perform(work, sources, gold_file, shaped_from, keys=keys, cut=cut),
    )


def gold_set(work: Workspace) -> GoldSet:
    """The frozen gold set; Tampered when one byte of it, or of the file it came from, has changed."""
    of_gold = gold_source(work.config.data)
    if of_gold is not None:
        _unchanged_gold_file(work, _source(work, of_gold))
    gold = work.fetch(work.require("data", "gold"), GoldSet)
    snapshot = work.latest("data")
    if snapshot and not withdrawn_gold_rows(work):
        _require_gold_of(snapshot, work.fetch(snapshot, Manifest), gold)
    return gold


def _require_gold_of(snapshot: str, manifest: Manifest, gold: GoldSet) -> None:
    """Tampered where the database names another gold set than the one the snapshot was built beside."""
    if gold.digest != manifest.gold:
        raise Tampered(
            f"the gold set on record is {gold.digest[:12]}, and snapshot {snapshot[:12]} was built beside "
            f"{manifest.gold[:12]}",
            hint="restore the database from a backup; `luthier audit verify` tells what else has changed",
        )


def benchmark_rows(work: Workspace, dataset: str, *, withdrawn: bool = False) -> GoldSet:
    """The rows a benchmark is measured on: the frozen gold set, a safety suite, or a file without what was withdrawn.

    Args:
        work: The project.
        dataset: `gold`, a safety suite such as `safety/injection` or `xstest:PATH`, or a file.
        withdrawn: Whether to read rows of the file that were withdrawn as well; the frozen gold set holds none.

    """
    if dataset == "gold":
        return gold_set(work)
    if is_shipped(dataset):
        return GoldSet(examples=shipped(dataset))
    if is_public(dataset):
        return GoldSet(examples=imported(dataset, work.file(path_in(dataset))))
    basis = SourceConfig(path=dataset, lawful_basis="legitimate_interests", purpose="measuring, never training")
    rows = read_examples(_source(work, basis), work.config.data)
    keys = frozenset() if withdrawn else withdrawn_keys(work)
    kept = [row for row, is_gone in zip(rows, _are_withdrawn(work, rows, keys), strict=True) if not is_gone]
    if not kept:
        raise Refused(f"every row of {dataset!r} was withdrawn", hint="measure on other rows")
    return GoldSet(examples=tuple(kept))


def _are_withdrawn(work: Workspace, rows: Sequence[Example], keys: Collection[str]) -> list[bool]:
    found: list[bool] = are_erased(batch_of(rows), keys, project_salt(work)).to_pylist()
    return found


def _source(work: Workspace, section: SourceConfig) -> SourceFile:
    """The source as it is now; its path must lie in the project's folder or be given in full."""
    if section.query is None and "://" not in section.path:
        work.file(section.path)
    folder = work.loaded.folder
    digest = source_digest(section, folder)
    return SourceFile(path=shown(section.path), folder=folder, file_digest=digest, config=section)


class Retention(Value):
    """On which day the snapshot's rows were chosen, and the first day on which another would be past its end."""

    cut: date
    first_end: date | None


def retention_over_since(work: Workspace) -> date | None:
    """The day since which rows of the snapshot are past their retention; None while none is."""
    last = work.latest("data", "retention")
    ends = work.fetch(last, Retention).first_end if last else None
    return ends if ends is not None and ends <= work.clock().date() else None


def _retention_cut(work: Workspace) -> date | None:
    """The day that decides which rows are past their retention; it moves on only when a row reaches its end."""
    if all(source.retention_days is None for source in work.config.data.sources):
        return None
    last, today = work.latest("data", "retention"), work.clock().date()
    kept = work.fetch(last, Retention) if last else None
    return kept.cut if kept and (kept.first_end is None or today < kept.first_end) else today


def _perform(
    work: Workspace,
    sources: Sequence[SourceFile],
    gold_file: SourceFile | None,
    inputs: str,
    *,
    keys: frozenset[str],
    cut: date | None,
) -> str:
    config = work.config.data
    frozen, taxonomy = work.latest("data", "gold"), work.config.charter.taxonomy
    folder = _work_folder(work, inputs)
    workers = config.workers or len(os.sched_getaffinity(0))
    with (
        disk_faults(str(work.home)),
        opened(config.engine, workers=workers, size_bytes=size_of(sources)) as executor,
    ):
        result = build(
            _Ports(work),
            config,
            sources,
            project=work.project,
            salt=project_salt(work),
            pii_key=pii_key(work),
            folder=folder,
            executor=executor,
            frozen_gold=work.fetch(frozen, GoldSet) if frozen else None,
            gold_file=None if frozen else gold_file,
            erased=keys,
            today=work.clock().date(),
            input_types=taxonomy.input_types if taxonomy else (),
            resolutions=resolutions(work),
            encode=_encoder(work),
        )
    manifest = _keep(work, result)
    if cut:
        kept = work.keep(Retention(cut=cut, first_end=result.first_end), kind="retention", parents=[manifest])
        work.record("data", "retention", fingerprint=manifest, digest=kept, inputs={"snapshot": manifest})
    shutil.rmtree(folder)
    if keys:
        prove_absence(work, manifest, keys)
    return manifest


def _encoder(work: Workspace) -> Encode | None:
    section = work.config.data.embeddings
    key = work.environment.secret(section.api_key_env) if section.api_key_env else None
    return open_encoder(section, root=work.loaded.folder, api_key=key)


def _work_folder(work: Workspace, inputs: str) -> Path:
    """Where the build of these inputs works; what builds of other inputs left there is removed."""
    place = work.home / "work" / "data"
    folder = place / inputs[:32]
    folder.mkdir(parents=True, exist_ok=True)
    for other in place.iterdir():
        if other != folder:
            shutil.rmtree(other)
    return folder


def _keep(work: Workspace, result: DataResult) -> str:
    before = work.latest("data", "card")
    card = result.card
    if before:
        card = card.model_copy(update={"regressions": tuple(regressions(work.fetch(before, DataCard), card))})
    row_list = _put(work, result.folder / ROW_LIST, kind="row_list", parents=[])
    gold = work.keep(result.gold, kind="gold")
    manifest = work.keep(result.manifest, kind="snapshot", parents=[gold, row_list])
    for part in result.parts:
        _put(work, result.folder / part.name, kind="rows", parents=[manifest])
    bodies = Bodies(snapshot=manifest, parts=result.parts)
    named = {
        "gold": gold,
        "rows": work.keep(bodies, kind="bodies", parents=[manifest, *(part.file_digest for part in result.parts)]),
        "dropped": _put(work, result.folder / DROPPED, kind="dropped_rows", parents=[manifest]),
        "similar": _put(work, result.folder / SIMILAR, kind="similar_rows", parents=[manifest]),
        "card": work.keep(card, kind="data_card", parents=[manifest]),
    }
    for name, digest in named.items():
        work.record("data", name, fingerprint=manifest, digest=digest, inputs={"snapshot": manifest})
    _tell(work, result, card, manifest)
    return manifest


def _put(work: Workspace, path: Path, *, kind: str, parents: Sequence[str]) -> str:
    return work.store.artifacts.put_bytes(
        path.read_bytes(), kind=kind, media_type=PARQUET, parents=parents, now=work.clock()
    )


def _tell(work: Workspace, result: DataResult, card: DataCard, manifest: str) -> None:
    preferred = f" ({card.preferred} of them preferences)" if card.preferred else ""
    work.voice.say(
        f"{card.rows_in} rows in, {card.kept} kept{preferred}, "
        f"{sum(card.dropped.values())} left out ({_counts(card.dropped)}); "
        f"{sum(card.masked.values())} personal data spans masked"
    )
    work.voice.say(
        f"gold set of {len(result.gold.examples)} rows frozen as {result.manifest.gold[:12]}, snapshot {manifest[:12]}"
    )
    if card.dropped.get("retention_over") and card.splits.get("test"):
        work.voice.say(
            "what earlier snapshots and the gold set keep of rows past their retention: luthier data expire --list"
        )
    for source in card.sources:
        if source.undated:
            work.voice.say(f"{source.path}: kept for {source.kept_for}")
    for lacking in card.missing:
        work.voice.say(f"the gold set lacks {lacking}")
    for worse in card.regressions:
        work.voice.say(f"worse than the snapshot before: {worse}")


def _unchanged_gold_file(work: Workspace, gold_file: SourceFile) -> str:
    """The digest of the gold file, which must be the one that was frozen."""
    found = gold_file.file_digest
    row = work.store.links.latest(work.project, "data", "gold_file")
    if row is None:
        work.record("data", "gold_file", fingerprint=found, digest=found, inputs={})
    elif row.digest != found and _lacks_withdrawn_rows_alone(work, gold_file):
        work.voice.say("the gold file has lost the rows that were withdrawn; what is left of it is frozen")
        work.record("data", "gold_file", fingerprint=found, digest=found, inputs={})
    elif row.digest != found:
        name = Path(gold_file.path).name
        raise Tampered(
            f"the gold file {name!r} has changed since it was frozen ({found[:12]}, not {str(row.digest)[:12]})",
            hint="restore it; a new gold set needs a new project, since every report so far was measured on this one",
        )
    return found


def _lacks_withdrawn_rows_alone(work: Workspace, gold_file: SourceFile) -> bool:
    """Whether gold rows were withdrawn, and the file holds the ids of all the others and none of them."""
    frozen = work.latest("data", "gold")
    if not frozen or not withdrawn_gold_rows(work):
        return False
    rows = read_examples(gold_file, work.config.data)
    if any(_are_withdrawn(work, rows, withdrawn_keys(work))):
        return False
    ids = set(hidden([row.id for row in rows], work.config.data.pii, project_salt(work)))
    return {row.id for row in work.fetch(frozen, GoldSet).examples} <= ids


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())) or "none"
