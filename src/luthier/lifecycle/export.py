"""A snapshot as a folder that `datasets.load_dataset` opens: answers, and preferences as TRL's trainers read them."""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from luthier.data.plan.bodies import examples_of_parquet
from luthier.data.rows import MESSAGE
from luthier.domain.digests import canonical_json, digest_of_bytes
from luthier.domain.examples import Example, Message
from luthier.domain.preferences import Preference
from luthier.domain.snapshots import SPLITS, Bodies, Manifest, Part
from luthier.domain.value import Json
from luthier.errors import StorageFault, UserError
from luthier.lifecycle.snapshots import card_of, made_from
from luthier.lifecycle.workspace import Workspace

EXPORT = "data.export"
"""The audit log's word for a copy that was made, whose rows are out of reach from then on."""
_TURNS = pa.list_(MESSAGE)
_ABOUT = (
    pa.field("source", pa.string()),
    pa.field("lawful_basis", pa.string()),
    pa.field("synthetic", pa.bool_()),
    pa.field("tools", pa.string()),
)
PAIRS = pa.schema([
    pa.field("id", pa.string()), pa.field("prompt", _TURNS), pa.field("chosen", _TURNS), pa.field("rejected", _TURNS),
    *_ABOUT,
])  # fmt: skip
"""Conversational preferences with their prompt, as `DPOTrainer` reads them."""
JUDGEMENTS = pa.schema([
    pa.field("id", pa.string()), pa.field("prompt", _TURNS), pa.field("completion", _TURNS),
    pa.field("label", pa.bool_()), *_ABOUT,
])  # fmt: skip
"""Single answers and whether people like them, as `KTOTrainer` reads them."""
_FORMS: Mapping[str, pa.Schema] = {"preferences": PAIRS, "judgements": JUDGEMENTS}


def export(work: Workspace, snapshot: str, folder: Path) -> list[Path]:
    """The files written: Parquet per split, preferences in folders of their own, manifest, and card as README.

    Raises:
        UserError: The folder holds something already.
        StorageFault: The disk refuses.

    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{str(folder)!r} is not empty", hint="name a new folder")
    bodies = work.fetch(made_from(work, snapshot, "bodies"), Bodies)
    try:
        written = [*_answers(work, bodies, folder), *_preferences(work, bodies, folder)]
        manifest = work.fetch(snapshot, Manifest)
        told = {
            folder / "manifest.json": canonical_json(manifest.model_dump(mode="json")),
            folder / "README.md": f"{_configs(written, folder)}{card_of(work, snapshot).markdown()}".encode(),
        }
        for path, content in told.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as fault:
        raise StorageFault(
            f"the snapshot cannot be written to {str(folder)!r}: {fault.strerror}", hint="choose another folder"
        ) from fault
    detail: dict[str, Json] = {"folder": str(folder.resolve())}
    work.store.audit.append(work.actor, EXPORT, snapshot, detail, now=work.clock())
    return [*written, *told]


def copies_of(work: Workspace, snapshots: Collection[str]) -> list[tuple[Path, str]]:
    """The folders on this machine that hold an export of one of the snapshots, each with its snapshot."""
    found: dict[Path, str] = {}
    for entry in work.store.audit.entries():
        if entry.action == EXPORT and entry.subject in snapshots:
            folder = Path(str(entry.detail["folder"]))
            if _holds(folder, entry.subject):
                found[folder] = entry.subject
    return sorted(found.items())


def _holds(folder: Path, snapshot: str) -> bool:
    try:
        return digest_of_bytes((folder / "manifest.json").read_bytes()) == snapshot
    except OSError:
        return False


def _answers(work: Workspace, bodies: Bodies, folder: Path) -> Iterator[Path]:
    for split in SPLITS:
        for part in bodies.of(split):
            target = folder / part.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(work.store.artifacts.get_bytes(part.file_digest))
            yield target


def _preferences(work: Workspace, bodies: Bodies, folder: Path) -> Iterator[Path]:
    """The parts that hold preferences, each as a file of pairs and a file of single judgements."""
    for split in SPLITS:
        for part in bodies.of(split, "preferences"):
            for form, rows in _told(_read(work, part)).items():
                target = folder / form / split / Path(part.name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(pa.Table.from_pylist(rows, schema=_FORMS[form]), target, compression="zstd")
                yield target


def _told(rows: Sequence[Example]) -> dict[str, list[dict[str, object]]]:
    """The rows in the forms of TRL."""
    told: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        said = Preference.of(row)
        form, record = ("preferences", _pair(said)) if said.is_pair else ("judgements", _judgement(row, said))
        told.setdefault(form, []).append(_about(row, said) | record)
    return told


def _read(work: Workspace, part: Part) -> list[Example]:
    table = pq.read_table(io.BytesIO(work.store.artifacts.get_bytes(part.file_digest)))
    return [row for batch in table.to_batches() for row in examples_of_parquet(batch)]


def _pair(said: Preference) -> dict[str, object]:
    return {"chosen": _answer(said.chosen or ""), "rejected": _answer(said.rejected or "")}


def _judgement(row: Example, said: Preference) -> dict[str, object]:
    return {"completion": _answer(row.ideal), "label": said.chosen is not None}


def _about(row: Example, said: Preference) -> dict[str, object]:
    about = {name: getattr(row, name) for name in ("id", "source", "lawful_basis", "synthetic", "tools")}
    return about | {"prompt": [turn.model_dump() for turn in said.question]}


def _answer(text: str) -> list[dict[str, object]]:
    return [Message(role="assistant", content=text).model_dump()]


def _configs(written: Sequence[Path], folder: Path) -> str:
    """The front matter by which `datasets` knows which files are what."""
    kinds: dict[str, list[dict[str, str]]] = {}
    for path in written:
        *form, split, _ = path.relative_to(folder).parts
        files = kinds.setdefault("/".join(form), [])
        entry = {"split": split, "path": "/".join([*form, split, "*.parquet"])}
        if entry not in files:
            files.append(entry)
    configs = [{"config_name": form or "default", "data_files": files} for form, files in kinds.items()]
    return f"---\n{yaml.safe_dump({'configs': configs}, sort_keys=False)}---\n\n"
