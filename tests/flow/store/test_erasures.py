"""Bytes and texts that go on somebody's request: what is read in their place, and what no file holds any more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from luthier.errors import Erased, NotFound
from luthier.store import FeedbackRow, InteractionRow, Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["folder", "memory"])
def kept(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Store]:
    where = str(tmp_path / "artifacts") if request.param == "folder" else "memory://erasures"
    with Store.open(database_url, where) as opened:
        yield opened
    MemoryFileSystem.store.clear()


def put(store: Store, text: str) -> str:
    return store.artifacts.put_bytes(text.encode(), kind="text", media_type="text/plain", parents=[], now=NOW)


def interaction(number: int) -> InteractionRow:
    return InteractionRow(
        id=f"i{number}", at=NOW, user_key=f"u{number % 3}", release_id="r", variant_digest="0" * 64, arm="stable",
        request=f"asked-{number}-asked " * 50, response_text=f"told-{number}-told", status_code=200,
        latency_seconds=0.1, prompt_tokens=1, completion_tokens=1, cost=Decimal(0),
    )  # fmt: skip


def test_an_erased_artifact_reads_as_what_is_left_also_after_a_second_erasure(kept: Store) -> None:
    whole, less, least = put(kept, "a b c"), put(kept, "a b"), put(kept, "a")
    kept.artifacts.erase({whole: less}, withdrawal="w1", now=NOW)
    assert kept.artifacts.get_bytes(whole) == b"a b"
    kept.artifacts.erase({less: least}, withdrawal="w2", now=NOW)
    assert kept.artifacts.get_bytes(whole) == kept.artifacts.get_bytes(less) == b"a"
    assert kept.artifacts.verify() == kept.artifacts.left_lying() == []


def test_an_artifact_of_which_nothing_is_left_says_who_erased_it(kept: Store) -> None:
    digest = put(kept, "all of it")
    kept.artifacts.erase({digest: None}, withdrawal="w1", now=NOW)
    with pytest.raises(Erased, match="erased by withdrawal w1"):
        kept.artifacts.get_bytes(digest)
    with pytest.raises(NotFound):
        kept.artifacts.get_bytes("f" * 64)


def test_erased_bytes_do_not_come_back_by_being_put_again(kept: Store) -> None:
    digest = put(kept, "all of it")
    kept.artifacts.erase({digest: None}, withdrawal="w1", now=NOW)
    with pytest.raises(Erased):
        put(kept, "all of it")
    assert kept.artifacts.left_lying() == []


def test_an_erasure_once_recorded_stays_and_removes_bytes_left_lying(kept: Store) -> None:
    whole, less, other = put(kept, "a b"), put(kept, "a"), put(kept, "z")
    kept.artifacts.erase({whole: less}, withdrawal="w1", now=NOW)
    kept.artifacts._objects.put(b"a b")  # as if the process had been killed before it removed them
    assert kept.artifacts.left_lying() == [whole]
    kept.artifacts.erase({whole: other}, withdrawal="w2", now=NOW)
    assert kept.artifacts.left_lying() == []
    assert kept.artifacts.get_bytes(whole) == b"a"


def test_texts_of_interactions_go_and_figures_and_others_stay(store: Store) -> None:
    store.interactions.add_many([interaction(number) for number in range(6)])
    store.interactions.add_feedback(FeedbackRow(interaction_id="i1", at=NOW, kind="edit", value="better"))
    store.interactions.add_feedback(FeedbackRow(interaction_id="i1", at=NOW, kind="solved", value=True))
    mine = store.interactions.ids_of(user_keys=["u1"], ids=["i0", "unknown"])
    assert mine == ["i0", "i1", "i4"]
    assert store.interactions.erase_texts(mine) == 3
    assert store.interactions.erase_texts(mine) == 0
    found = store.interactions.get("i1")
    assert (found.request, found.response_text, found.latency_seconds) == (None, None, 0.1)
    assert [row.value for row in store.interactions.feedback(interaction_id="i1")] == [None, True]
    assert store.interactions.get("i2") == interaction(2)


def test_texts_past_their_retention_go_once_and_faults_stay(store: Store) -> None:
    old = [interaction(number) for number in range(3)]
    failed = old[0].model_copy(update={"error": "back end down: reset", "status_code": 502})
    later = interaction(7).model_copy(update={"at": NOW + timedelta(days=1)})
    store.interactions.add_many([failed, *old[1:], later])
    store.interactions.add_feedback(FeedbackRow(interaction_id="i1", at=NOW, kind="edit", value="better"))
    assert store.interactions.expire_texts(NOW + timedelta(hours=1)) == 3
    assert store.interactions.expire_texts(NOW + timedelta(hours=1)) == 0
    found = store.interactions.get("i0")
    assert (found.request, found.response_text, found.error) == (None, None, "back end down: reset")
    assert [row.value for row in store.interactions.feedback()] == [None]
    assert store.interactions.get("i7") == later


def test_no_file_of_sqlite_holds_an_erased_text_any_more(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/luthier.db", str(tmp_path / "artifacts")) as store:
        store.interactions.add_many([interaction(number) for number in range(9)])
        store.interactions.erase_texts(["i4"])
        event = store.events.append("reviews", 0, "told", "reason-4-reason", NOW)
        store.events.rewrite("reviews", event.seq, "withdrawn")
        assert store.events.read("reviews")[0].payload == "withdrawn"
        held = b"".join(path.read_bytes() for path in tmp_path.glob("luthier.db*"))
    assert b"asked-5-asked" in held
    assert [text for text in (b"asked-4-asked", b"told-4-told", b"reason-4-reason") if text in held] == []
