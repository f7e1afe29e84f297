"""Artifacts: immutable bytes and folders under their SHA-256, with parents, so that lineage is a by-product."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from luthier.domain.digests import canonical_json, digest_of_bytes
from luthier.errors import Erased, MissingInput, NotFound, Refused, Tampered
from luthier.store.database import Database, insert_missing
from luthier.store.erasure_table import ErasureTable
from luthier.store.objects import Objects
from luthier.store.paths import safe_join
from luthier.store.row import Digest, Moment, Name, Row
from luthier.store.tables import ArtifactTable, ParentTable

FOLDER_MEDIA_TYPE = "application/vnd.luthier.folder+json"
UNFINISHED_SECONDS = 3600.0


class ArtifactInfo(Row):
    """What is known of an artifact without reading it. Of a folder, `size_bytes` is that of its files together."""

    digest: Digest
    kind: str
    media_type: str
    size_bytes: int
    created_at: Moment


class Edge(Row):
    """`child` was made from `parent`."""

    child: Digest
    parent: Digest


class Erasure(Row):
    """Bytes that are gone by a withdrawal; `replacement` is read in their place, where there is one."""

    digest: Digest
    replacement: Digest | None
    withdrawal: Name
    at: Moment


class Lineage(Row):
    """The part of the lineage graph that is reached from `root`, which is in `artifacts` too."""

    root: Digest
    artifacts: tuple[ArtifactInfo, ...]
    edges: tuple[Edge, ...]


class _File(Row):
    digest: Digest
    size_bytes: int = Field(ge=0)


class _Manifest(Row):
    format: Literal["luthier-folder-1"] = "luthier-folder-1"
    files: Mapping[str, _File]


class Artifacts:
    """Each artifact is kept once, by content: the first to put it names its kind; later parents are added to it."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database, self._objects = database, objects

    def put_bytes(self, data: bytes, *, kind: str, media_type: str, parents: Sequence[str], now: datetime) -> str:
        """The digest, once bytes and row are durable. Bytes that equal a parent's are that parent; no edge is made.

        Raises:
            Erased: These very bytes were erased; nothing is kept.

        """
        self._refuse_erased(digest_of_bytes(data))
        digest = self._objects.put(data)
        info = ArtifactInfo(digest=digest, kind=kind, media_type=media_type, size_bytes=len(data), created_at=now)
        self._register(info, parents)
        return digest

    def put_folder(self, path: Path, *, kind: str, parents: Sequence[str], now: datetime) -> str:
        """The digest of a manifest of all files below `path`; equal folders have equal digests. Links are refused."""
        files = {name: self._put_file(file) for name, file in _files_below(path)}
        manifest = canonical_json(_Manifest(files=files).model_dump(mode="json"))
        digest = self._objects.put(manifest)
        size = sum(file.size_bytes for file in files.values())
        info = ArtifactInfo(digest=digest, kind=kind, media_type=FOLDER_MEDIA_TYPE, size_bytes=size, created_at=now)
        self._register(info, parents)
        return digest

    def get_bytes(self, digest: str) -> bytes:
        """The bytes as they were put, or what an erasure left of them.

        Raises:
            Erased: An erasure left nothing.
            NotFound: They were never put.
            Tampered: They are gone or changed, and no erasure says so.

        """
        return self._objects.read(self.standing(digest))

    def standing(self, digest: str) -> str:
        """The digest that is read for `digest`: its own, or of what erasures left; Erased where that is nothing."""
        self.info(digest)
        with self._database.read() as session:
            while (row := session.get(ErasureTable, digest)) is not None:
                if row.replacement is None:
                    raise Erased(f"artifact {digest[:12]} was erased by withdrawal {row.withdrawal}")
                digest = row.replacement
        return digest

    def erase(self, replaced: Mapping[str, str | None], *, withdrawal: str, now: datetime) -> None:
        """Every digest's bytes are gone once this returns, and its replacement is read in their place.

        An erasure once recorded stays; bytes that a killed process recorded and left lying are removed as well.
        """
        rows: list[dict[str, object]] = [
            {"digest": digest, "replacement": left, "withdrawal": withdrawal, "at": now}
            for digest, left in sorted(replaced.items())
        ]
        with self._database.write() as session:
            insert_missing(session, ErasureTable, rows)
        for erasure in self.erasures():
            self._objects.remove(erasure.digest)

    def clear_unfinished(self) -> None:
        """What processes that were killed had begun to write is gone; what was begun within the hour is left alone."""
        self._objects.clear_unfinished(UNFINISHED_SECONDS)

    def left_lying(self) -> list[str]:
        """The digests of erased artifacts whose bytes are there all the same; sorted."""
        return [erasure.digest for erasure in self.erasures() if self._objects.is_intact(erasure.digest)]

    def erasures(self) -> list[Erasure]:
        """Every erasure, by digest."""
        with self._database.read() as session:
            rows = session.scalars(select(ErasureTable).order_by(ErasureTable.digest))
            return [
                Erasure(digest=row.digest, replacement=row.replacement, withdrawal=row.withdrawal, at=row.at)
                for row in rows
            ]

    def materialise(self, digest: str, target: Path) -> Path:
        """`target`, with every file of the folder in it, verified; other files there are left alone."""
        for name, file in self._manifest(digest).files.items():
            self._objects.copy_to(file.digest, safe_join(target, name))
        target.mkdir(parents=True, exist_ok=True)
        return target

    def info(self, digest: str) -> ArtifactInfo:
        """What is known of one artifact, or NotFound."""
        with self._database.read() as session:
            row = session.get(ArtifactTable, digest)
            if row is None:
                raise NotFound(f"no artifact is kept as {digest!r}", hint="list the artifacts, or build it first")
            return _info(row)

    def find(self, kind: str | None = None) -> list[ArtifactInfo]:
        """All artifacts, or those of one kind, oldest first."""
        wanted = select(ArtifactTable).order_by(ArtifactTable.created_at, ArtifactTable.digest)
        if kind is not None:
            wanted = wanted.where(ArtifactTable.kind == kind)
        with self._database.read() as session:
            return [_info(row) for row in session.scalars(wanted)]

    def parents(self, digest: str) -> list[str]:
        """What an artifact was made from, sorted."""
        self.info(digest)
        with self._database.read() as session:
            return sorted(session.scalars(select(ParentTable.parent).where(ParentTable.child == digest)))

    def children(self, digest: str) -> list[str]:
        """What was made from an artifact, sorted."""
        self.info(digest)
        with self._database.read() as session:
            return sorted(session.scalars(select(ParentTable.child).where(ParentTable.parent == digest)))

    def ancestry(self, digest: str) -> Lineage:
        """Everything that an artifact was made from, however far back."""
        return self._lineage(digest, upwards=True)

    def descent(self, digest: str) -> Lineage:
        """Everything that was made from an artifact, however far on: what a withdrawn consent affects."""
        return self._lineage(digest, upwards=False)

    def verify(self) -> list[str]:
        """The digests of artifacts whose bytes, or those of a file in them, are gone or changed; sorted.

        Bytes that an erasure recorded as gone are not among them; whether it was asked for the audit log says.
        """
        erased = {erasure.digest for erasure in self.erasures()}
        return sorted(info.digest for info in self.find() if info.digest not in erased and not self._is_intact(info))

    def _refuse_erased(self, digest: str) -> None:
        with self._database.read() as session:
            row = session.get(ErasureTable, digest)
        if row is not None:
            raise Erased(
                f"these bytes were erased by withdrawal {row.withdrawal}",
                hint="take the withdrawn rows out of the source they came from, and build again",
            )

    def _put_file(self, file: Path) -> _File:
        return _File(digest=self._objects.put_file(file), size_bytes=file.stat().st_size)

    def _register(self, info: ArtifactInfo, parents: Sequence[str]) -> None:
        edges: list[dict[str, object]] = [
            {"child": info.digest, "parent": p} for p in sorted({*parents} - {info.digest})
        ]
        with self._database.write() as session:
            known = set(session.scalars(select(ArtifactTable.digest).where(ArtifactTable.digest.in_(parents))))
            if missing := sorted({*parents} - known - {info.digest}):
                raise NotFound(f"the parent {missing[0]!r} of a new {info.kind} is not kept", hint="put it first")
            insert_missing(session, ArtifactTable, [dict(info)])
            insert_missing(session, ParentTable, edges)

    def _manifest(self, digest: str) -> _Manifest:
        if self.info(digest).media_type != FOLDER_MEDIA_TYPE:
            raise Refused(f"the artifact {digest} is a file, not a folder", hint="read its bytes")
        try:
            return _Manifest.model_validate_json(self._objects.read(digest))
        except ValidationError as fault:
            raise Tampered(f"the artifact {digest} is not a list of files", hint="build it again") from fault

    def _is_intact(self, info: ArtifactInfo) -> bool:
        if info.media_type != FOLDER_MEDIA_TYPE:
            return self._objects.is_intact(info.digest)
        try:
            files = self._manifest(info.digest).files.values()
        except Tampered:
            return False
        return all(self._objects.is_intact(file.digest) for file in files)

    def _lineage(self, digest: str, *, upwards: bool) -> Lineage:
        self.info(digest)
        with self._database.read() as session:
            edges = _edges_from(session, digest, upwards=upwards)
            reached = {digest} | {edge.child for edge in edges} | {edge.parent for edge in edges}
            rows = session.scalars(select(ArtifactTable).where(ArtifactTable.digest.in_(reached)))
            artifacts = sorted((_info(row) for row in rows), key=lambda info: (info.created_at, info.digest))
        return Lineage(root=digest, artifacts=tuple(artifacts), edges=edges)


def _edges_from(session: Session, digest: str, *, upwards: bool) -> tuple[Edge, ...]:
    near, far = (ParentTable.child, ParentTable.parent) if upwards else (ParentTable.parent, ParentTable.child)
    first = select(ParentTable.child, ParentTable.parent).where(near == digest).cte("reached", recursive=True)
    # UNION drops what was seen before, so that even a circle (bytes turned into others and back) ends.
    reached = first.union(select(ParentTable.child, ParentTable.parent).join(first, near == first.c[far.key]))
    found = session.execute(select(reached.c.child, reached.c.parent))
    return tuple(sorted((Edge(child=c, parent=p) for c, p in found), key=lambda edge: (edge.child, edge.parent)))


def _files_below(path: Path) -> list[tuple[str, Path]]:
    if not path.is_dir():
        raise MissingInput(f"{str(path)!r} is not a folder", hint="give the folder to keep")
    below = sorted(path.rglob("*"))
    if links := [entry for entry in below if entry.is_symlink()]:
        raise Refused(f"{str(links[0])!r} is a link, and links are not kept", hint="copy the file in its place")
    return [(entry.relative_to(path).as_posix(), entry) for entry in below if entry.is_file()]


def _info(row: ArtifactTable) -> ArtifactInfo:
    return ArtifactInfo.model_validate({name: getattr(row, name) for name in ArtifactInfo.model_fields})
