"""Artifacts with their rows and lineage, in a folder and on another fsspec file system."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.errors import MissingInput, NotFound, Refused, Tampered
from luthier.store import FOLDER_MEDIA_TYPE, Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
file_names = st.from_regex(r"([A-Z]{1,3}/){0,2}[a-z]{1,3}", fullmatch=True)


def put(store: Store, text: str, *parents: str, hours: int = 0) -> str:
    now = NOW + timedelta(hours=hours)
    return store.artifacts.put_bytes(text.encode(), kind="text", media_type="text/plain", parents=parents, now=now)


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.fixture
def memory_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/luthier.db", "memory://artifacts") as opened:
        yield opened
    MemoryFileSystem.store.clear()


def flip_a_bit(store: Store, digest: str) -> None:
    objects = store.artifacts._objects
    data = objects._files.cat_file(objects._path(digest))
    objects._files.pipe_file(objects._path(digest), bytes([data[0] ^ 1]) + data[1:])


def test_bytes_come_back_with_what_is_known_of_them(store: Store) -> None:
    digest = put(store, "abc")
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert store.artifacts.get_bytes(digest) == b"abc"
    info = store.artifacts.info(digest)
    assert (info.kind, info.media_type, info.size_bytes, info.created_at) == ("text", "text/plain", 3, NOW)


def test_the_same_bytes_are_kept_once_and_gain_parents(store: Store) -> None:
    first, second = put(store, "first"), put(store, "second")
    child = put(store, "child", first)
    assert put(store, "child", second, hours=5) == child
    assert store.artifacts.parents(child) == sorted([first, second])
    assert store.artifacts.info(child).created_at == NOW
    assert len(store.artifacts.find()) == 3


def test_an_unknown_parent_is_refused_and_nothing_is_kept(store: Store) -> None:
    with pytest.raises(NotFound, match="parent"):
        put(store, "child", "a" * 64)
    assert store.artifacts.find() == []


def test_what_was_never_put_is_not_found(store: Store) -> None:
    for ask in (store.artifacts.get_bytes, store.artifacts.info, store.artifacts.parents, store.artifacts.ancestry):
        with pytest.raises(NotFound):
            ask("a" * 64)


def test_bytes_that_change_nothing_are_not_their_own_parent(store: Store) -> None:
    digest = put(store, "same")
    assert put(store, "same", digest) == digest
    assert store.artifacts.parents(digest) == []


def test_lineage_reaches_back_and_forth_and_no_further(store: Store) -> None:
    root = put(store, "root")
    left, right = put(store, "left", root, hours=1), put(store, "right", root, hours=2)
    leaf = put(store, "leaf", left, right, hours=3)
    put(store, "stranger", hours=4)
    back = store.artifacts.ancestry(leaf)
    assert [info.digest for info in back.artifacts] == [root, left, right, leaf]
    assert {(edge.child, edge.parent) for edge in back.edges} == {
        (left, root),
        (right, root),
        (leaf, left),
        (leaf, right),
    }
    assert {info.digest for info in store.artifacts.ancestry(left).artifacts} == {root, left}
    assert {info.digest for info in store.artifacts.descent(left).artifacts} == {left, leaf}
    assert store.artifacts.children(root) == sorted([left, right])


def test_lineage_that_comes_full_circle_ends(store: Store) -> None:
    one = put(store, "one")
    two = put(store, "two", one)
    put(store, "one", two)
    assert len(store.artifacts.ancestry(one).edges) == 2


def test_a_flipped_bit_is_refused_and_verify_names_it(store: Store) -> None:
    good, bad = put(store, "good"), put(store, "bad")
    assert store.artifacts.verify() == []
    flip_a_bit(store, bad)
    with pytest.raises(Tampered):
        store.artifacts.get_bytes(bad)
    assert store.artifacts.get_bytes(good) == b"good"
    assert store.artifacts.verify() == [bad]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(files=st.dictionaries(file_names, st.binary(max_size=50), max_size=5))
def test_a_folder_comes_back_as_it_was(
    memory_store: Store, tmp_path_factory: pytest.TempPathFactory, files: dict
) -> None:
    source = folder(tmp_path_factory.mktemp("source"), files)
    digest = memory_store.artifacts.put_folder(source, kind="adapter", parents=[], now=NOW)
    target = memory_store.artifacts.materialise(digest, tmp_path_factory.mktemp("target"))
    found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == files
    info = memory_store.artifacts.info(digest)
    assert (info.media_type, info.size_bytes) == (FOLDER_MEDIA_TYPE, sum(map(len, files.values())))


def test_equal_folders_have_equal_digests_and_others_have_others(store: Store, tmp_path: Path) -> None:
    files = {"a.bin": b"1", "deep/b.bin": b"2"}
    variants = [files, dict(reversed(files.items())), files | {"a.bin": b"x"}, {"b.bin": b"1", "deep/b.bin": b"2"}]
    digests = [
        store.artifacts.put_folder(folder(tmp_path / str(n), each), kind="adapter", parents=[], now=NOW)
        for n, each in enumerate(variants)
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_one_changed_file_of_a_folder_is_found(store: Store, tmp_path: Path) -> None:
    digest = store.artifacts.put_folder(
        folder(tmp_path / "a", {"x": b"1", "y": b"2"}), kind="index", parents=[], now=NOW
    )
    member = json.loads(store.artifacts.get_bytes(digest))["files"]["y"]["digest"]
    flip_a_bit(store, member)
    assert store.artifacts.verify() == [digest]
    with pytest.raises(Tampered):
        store.artifacts.materialise(digest, tmp_path / "b")


def test_a_folder_is_repaired_where_it_is_materialised_again(store: Store, tmp_path: Path) -> None:
    digest = store.artifacts.put_folder(folder(tmp_path / "a", {"x": b"1"}), kind="index", parents=[], now=NOW)
    folder(tmp_path / "b", {"x": b"other", "extra": b"mine"})
    store.artifacts.materialise(digest, tmp_path / "b")
    assert (tmp_path / "b" / "x").read_bytes() == b"1"
    assert (tmp_path / "b" / "extra").read_bytes() == b"mine"


def test_a_manifest_that_leads_outside_is_refused_before_anything_is_written(store: Store, tmp_path: Path) -> None:
    kept = put(store, "payload")
    files = {"../escaped": {"digest": kept, "size_bytes": 7}}
    forged = json.dumps({"format": "luthier-folder-1", "files": files}).encode()
    digest = store.artifacts.put_bytes(forged, kind="adapter", media_type=FOLDER_MEDIA_TYPE, parents=[], now=NOW)
    with pytest.raises(Refused, match="inside the folder"):
        store.artifacts.materialise(digest, tmp_path / "in" / "target")
    assert not (tmp_path / "in" / "escaped").exists()


def test_a_link_in_a_folder_is_refused(store: Store, tmp_path: Path) -> None:
    folder(tmp_path / "a", {"x": b"1"})
    (tmp_path / "a" / "y").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="link"):
        store.artifacts.put_folder(tmp_path / "a", kind="adapter", parents=[], now=NOW)
    assert store.artifacts.find() == []


def test_bytes_are_no_folder_and_a_missing_folder_is_missing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not a folder"):
        store.artifacts.materialise(put(store, "x"), tmp_path / "t")
    with pytest.raises(MissingInput):
        store.artifacts.put_folder(tmp_path / "nowhere", kind="adapter", parents=[], now=NOW)


def test_artifacts_are_listed_by_kind_from_the_oldest(store: Store) -> None:
    later, earlier = put(store, "later", hours=2), put(store, "earlier", hours=1)
    assert [info.digest for info in store.artifacts.find("text")] == [earlier, later]
    assert store.artifacts.find("other") == []
