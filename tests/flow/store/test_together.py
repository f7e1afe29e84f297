"""A deed and what is told of it: both last, or neither does."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from luthier.errors import Busy, Refused
from luthier.store import Store
from luthier.store.releases import ApprovalRow, ReleaseRow

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Killed(Exception):
    """Stands for whatever ends a process between two writes."""


def kept(store: Store) -> tuple[int, int]:
    """How many events and audit entries there are."""
    return len(store.events.read("rollout")), len(store.audit.entries())


def deed(store: Store, place: int) -> None:
    store.events.append("rollout", place, "begun", {"place": place}, NOW)


def die() -> None:
    raise Killed


def together(store: Store, *deeds: Callable[[], object]) -> None:
    with store.together():
        for each in deeds:
            each()


def test_what_is_written_together_lasts_together(store: Store) -> None:
    with store.together():
        deed(store, 0)
        store.audit.append("ann", "rollout.begun", "p", now=NOW)
        store.audit.append("ann", "rollout.seen", "p", now=NOW)
    assert kept(store) == (1, 2)
    assert store.audit.verify().is_intact


def test_nothing_lasts_of_what_is_cut_in_the_middle(store: Store) -> None:
    store.audit.append("ann", "before", "p", now=NOW)
    with pytest.raises(Killed):
        together(store, lambda: deed(store, 0), die)
    assert kept(store) == (0, 1)
    deed(store, 0)
    store.audit.append("ann", "after", "p", now=NOW)
    assert kept(store) == (1, 2)
    assert store.audit.verify().is_intact


def test_a_refusal_inside_takes_back_what_was_written_before_it(store: Store) -> None:
    deed(store, 0)
    with pytest.raises(Busy):
        together(store, lambda: store.audit.append("ann", "rollout.begun", "p", now=NOW), lambda: deed(store, 0))
    assert kept(store) == (1, 0)


def test_a_law_of_the_database_is_told_as_what_it_means(store: Store) -> None:
    digest = store.artifacts.put_bytes(b"release", kind="release", media_type="text/plain", parents=(), now=NOW)
    made = ReleaseRow(release_id="p-1", project="p", version=1, variant="v", digest=digest, author="ann", at=NOW)
    store.releases.add(made)
    decision = ApprovalRow(release_id="p-1", approver="bob", decision="approve", reason="It is good.", at=NOW)
    store.releases.approve(decision)
    with pytest.raises(Refused, match="already decided"):
        together(store, lambda: deed(store, 0), lambda: store.releases.approve(decision))
    assert kept(store) == (0, 0)
    assert len(store.releases.approvals("p-1")) == 1


def test_other_threads_neither_see_nor_join_what_is_not_kept_yet(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    with store.together():
        deed(store, 0)
        other = threading.Thread(target=lambda: seen.append(kept(store)))
        other.start()
        other.join()
    assert seen == [(0, 0)]
    assert kept(store) == (1, 0)
