"""Sources to snapshot: read, run the data stage, freeze the gold set, keep manifest, rows and card."""

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl

from luthier.data.config import SourceConfig
from luthier.data.ingest import ingest
from luthier.data.stage import VERSION
from luthier.data.stage import run as build
from luthier.data.types import DataResult, SourceFile
from luthier.domain.digests import digest_of_bytes
from luthier.domain.examples import Example
from luthier.domain.snapshots import GoldSet, Split
from luthier.errors import Tampered
from luthier.lifecycle.salt import pii_key, project_salt
from luthier.lifecycle.workspace import Settled, Workspace

LIBRARIES = ("polars", "scikit-learn", "numpy")


class _Ports:
    def __init__(self, work: Workspace) -> None:
        self._work = work

    def progress(self, step: str, done: int, of: int) -> None:
        self._work.voice.progress(step, done, of)


def settle_data(work: Workspace) -> Settled:
    """The snapshot of the sources as they are now; the gold set of the first one is the gold set for ever."""
    sources = _sources(work)
    inputs = {f"source:{source.path}": digest_of_bytes(source.content) for source in sources}
    gold_file = work.config.data.gold.path
    if gold_file is not None:
        inputs["gold_file"] = _unchanged_gold_file(work, work.file(gold_file))
    section = work.config.data.model_dump(mode="json")
    return work.settle(
        "data",
        version_number=VERSION,
        section=section,
        inputs=inputs,
        libraries=LIBRARIES,
        perform=lambda: _perform(work, sources, gold_file),
    )


def gold_set(work: Workspace) -> GoldSet:
    """The frozen gold set; Tampered when one byte of it, or of the file it came from, has changed."""
    gold_file = work.config.data.gold.path
    if gold_file is not None:
        _unchanged_gold_file(work, work.file(gold_file))
    return work.fetch(work.require("data", "gold"), GoldSet)


def rows_of(work: Workspace, split: Split) -> tuple[Example, ...]:
    """The rows of one split of the snapshot, in their order."""
    return _read_rows(work, work.require("data", "rows"), split)


@lru_cache(maxsize=8)
def _read_rows(work: Workspace, digest: str, split: Split) -> tuple[Example, ...]:
    table = pl.read_parquet(io.BytesIO(work.store.artifacts.get_bytes(digest)))
    chosen = table.filter(pl.col("split") == split)["body"].to_list()
    return tuple(Example.model_validate_json(body) for body in chosen)


def _sources(work: Workspace) -> list[SourceFile]:
    sections = work.config.data.sources
    return [SourceFile(path=each.path, content=work.file(each.path).read_bytes(), config=each) for each in sections]


def _perform(work: Workspace, sources: Sequence[SourceFile], gold_file: str | None) -> str:
    frozen = work.latest("data", "gold")
    gold_content = work.file(gold_file).read_bytes() if gold_file is not None else None
    result = build(
        _Ports(work),
        work.config.data,
        sources,
        project=work.project,
        frozen_gold=work.fetch(frozen, GoldSet) if frozen else None,
        gold_content=gold_content,
        salt=project_salt(work),
        pii_key=pii_key(work),
        today=work.clock().date(),
    )
    return _keep(work, result)


def _keep(work: Workspace, result: DataResult) -> str:
    gold = work.keep(result.gold, kind="gold")
    manifest = work.keep(result.manifest, kind="snapshot", parents=[gold])
    rows = _rows_artifact(work, result, manifest)
    card = work.keep(result.card, kind="data_card", parents=[manifest])
    named = {"gold": gold, "rows": rows, "card": card}
    for name, digest in named.items():
        work.record("data", name, fingerprint=manifest, digest=digest, inputs={"snapshot": manifest})
    work.voice.say(
        f"{result.manifest.rows_in} rows in, {len(result.manifest.rows)} kept, "
        f"{sum(result.manifest.dropped.values())} left out ({_counts(result.manifest.dropped)}); "
        f"{sum(result.masked.values())} personal data spans masked"
    )
    work.voice.say(f"gold set of {len(result.gold.examples)} rows frozen as {gold[:12]}, snapshot {manifest[:12]}")
    return manifest


def _rows_artifact(work: Workspace, result: DataResult, manifest: str) -> str:
    splits: tuple[tuple[Split, Sequence[Example]], ...] = (
        ("train", result.train), ("validation", result.validation), ("test", result.gold.examples),
    )  # fmt: skip
    rows = [(split, row.id, row.model_dump_json()) for split, chosen in splits for row in chosen]
    buffer = io.BytesIO()
    pl.DataFrame(rows, schema=["split", "id", "body"], orient="row").write_parquet(buffer, compression="zstd")
    return work.store.artifacts.put_bytes(
        buffer.getvalue(),
        kind="rows",
        media_type="application/vnd.apache.parquet",
        parents=[manifest],
        now=work.clock(),
    )


def _unchanged_gold_file(work: Workspace, path: Path) -> str:
    """The digest of the gold file, which must be the one that was frozen."""
    found = digest_of_bytes(path.read_bytes())
    row = work.store.links.latest(work.project, "data", "gold_file")
    if row is None:
        work.record("data", "gold_file", fingerprint=found, digest=found, inputs={})
    elif row.digest != found:
        raise Tampered(
            f"the gold file {path.name!r} has changed since it was frozen ({found[:12]}, not {str(row.digest)[:12]})",
            hint="restore it; a new gold set needs a new project, since every report so far was measured on this one",
        )
    return found


def _counts(counts: object) -> str:
    pairs = dict(counts) if isinstance(counts, dict) else {}
    return ", ".join(f"{count} {reason}" for reason, count in sorted(pairs.items())) or "none"


def benchmark_rows(work: Workspace, dataset: str) -> GoldSet:
    """The rows a benchmark is measured on: the frozen gold set, or a file of its own."""
    if dataset == "gold":
        return gold_set(work)
    basis = SourceConfig(path=dataset, lawful_basis="legitimate_interests", purpose="measuring, never training")
    file = SourceFile(path=dataset, content=work.file(dataset).read_bytes(), config=basis)
    return GoldSet(examples=tuple(row.example for row in ingest([file], work.config.data).rows))
