"""Passages of a knowledge base kept between runs: only documents whose bytes changed are cut again.

The file is Arrow, one row per document under the digest of its path and text, and is replaced as a whole. A file of
another version of cutting, or one that cannot be read, is made anew; the passages are the same either way.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from luthier.domain.value import Value
from luthier.variants.retrieval.cutting import CUTTING_VERSION, cut
from luthier.variants.retrieval.documents import Document, Passage

_PASSAGE = pa.struct([("title", pa.string()), ("text", pa.string()), ("first", pa.int32()), ("last", pa.int32())])
_SCHEMA = pa.schema([("digest", pa.string()), ("passages", pa.list_(_PASSAGE))])


class Recut(Value):
    """What indexing a knowledge base again had to do."""

    documents: int
    cut: int
    kept: int
    gone: int


def passages_of(
    documents: Sequence[Document], *, chunk_characters: int, kept: Path | None = None
) -> tuple[tuple[Passage, ...], Recut]:
    """All passages in the documents' order, and how many documents were cut for them.

    Args:
        documents: The knowledge base as it is now.
        chunk_characters: Longest passage.
        kept: File of the passages of the last time; written where a document changed, came or went.

    """
    recipe = f"cut {CUTTING_VERSION}, {chunk_characters} characters"
    known = _read(kept, recipe) if kept else {}
    wanted = {document.digest: document for document in documents}
    fresh = {
        digest: cut(document, chunk_characters=chunk_characters)
        for digest, document in wanted.items()
        if digest not in known
    }
    held = {
        digest: fresh[digest] if digest in fresh else _passages(document.id, known[digest])
        for digest, document in wanted.items()
    }
    done = Recut(
        documents=len(documents), cut=len(fresh), kept=len(held) - len(fresh), gone=len(known.keys() - wanted.keys())
    )
    if kept and (fresh or done.gone):
        _write(kept, recipe, held)
    return tuple(passage for document in documents for passage in held[document.digest]), done


def _passages(document: str, rows: Sequence[Mapping[str, object]]) -> tuple[Passage, ...]:
    return tuple(
        Passage.model_validate(
            {"id": f"{document}#{place}", "title": row["title"], "text": row["text"],
             "lines": (row["first"], row["last"]) if row["first"] else None}
        )
        for place, row in enumerate(rows, 1)
    )  # fmt: skip


def _read(file: Path, recipe: str) -> dict[str, Sequence[Mapping[str, object]]]:
    try:
        with pa.memory_map(str(file)) as source:
            table = pa.ipc.open_file(source).read_all()
    except (FileNotFoundError, pa.ArrowInvalid):
        return {}
    if (table.schema.metadata or {}).get(b"recipe") != recipe.encode() or table.schema.names != _SCHEMA.names:
        return {}
    return dict(zip(table["digest"].to_pylist(), table["passages"].to_pylist(), strict=True))


def _write(file: Path, recipe: str, held: Mapping[str, Sequence[Passage]]) -> None:
    rows = [
        {"digest": digest, "passages": [_row(passage) for passage in passages]} for digest, passages in held.items()
    ]
    table = pa.Table.from_pylist(rows, _SCHEMA.with_metadata({"recipe": recipe}))
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    unfinished.replace(file)


def _row(passage: Passage) -> dict[str, object]:
    first, last = passage.lines or (0, 0)
    return {"title": passage.title, "text": passage.text, "first": first, "last": last}
