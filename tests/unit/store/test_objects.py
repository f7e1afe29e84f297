"""Bytes under their SHA-256, in a folder and on another fsspec file system."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.errors import StorageFault, Tampered, UserError
from luthier.store.objects import Objects


@pytest.fixture(params=["folder", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    yield Objects(str(tmp_path / "objects") if request.param == "folder" else "memory://objects")
    MemoryFileSystem.store.clear()


def overwrite(objects: Objects, digest: str, data: bytes) -> None:
    objects._files.pipe_file(objects._path(digest), data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(data=st.binary(max_size=2000))
def test_bytes_come_back_and_equal_bytes_have_one_digest(objects: Objects, data: bytes) -> None:
    digest = objects.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert objects.put(bytes(data)) == digest
    assert objects.read(digest) == data


def test_a_file_has_the_digest_of_its_bytes(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abc" * 1_000_000)
    assert objects.put_file(source) == objects.put(b"abc" * 1_000_000)
    objects.copy_to(objects.put_file(source), tmp_path / "copies" / "copy")
    assert (tmp_path / "copies" / "copy").read_bytes() == source.read_bytes()


def test_one_flipped_bit_is_found_by_every_way_of_reading(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"abc")
    overwrite(objects, digest, b"abb")
    assert not objects.is_intact(digest)
    with pytest.raises(Tampered):
        objects.read(digest)
    with pytest.raises(Tampered):
        objects.copy_to(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    with pytest.raises(Tampered):
        objects.put(b"abc")
    assert list(tmp_path.glob("tmp*")) == []


def test_bytes_that_are_gone_are_told_apart_from_bytes_never_put(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"abc")
    objects._files.rm_file(objects._path(digest))
    assert not objects.is_intact(digest)
    with pytest.raises(Tampered, match="gone"):
        objects.read(digest)
    with pytest.raises(Tampered, match="gone"):
        objects.copy_to(digest, tmp_path / "copy")


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_what_is_not_a_digest_names_no_file(objects: Objects, digest: str) -> None:
    with pytest.raises(UserError, match="not a digest"):
        objects.read(digest)


def test_nothing_half_written_stays_behind(tmp_path: Path) -> None:
    objects = Objects(str(tmp_path))
    objects.put(b"one")
    objects.put(b"one")
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_storage_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageFault, match="File exists"):
        Objects(str(tmp_path / "file" / "objects")).put(b"x")


def test_an_unknown_file_system_is_a_user_error() -> None:
    with pytest.raises(UserError, match="nowhere"):
        Objects("nowhere://bucket")
