"""Links, events, interactions and releases: what is recorded comes back, and history is only ever added to."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from luthier.errors import Busy, Forbidden, NotFound, Refused
from luthier.store import ApprovalRow, FeedbackRow, InteractionRow, LinkRow, ReleaseRow, Store

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIGEST = "a" * 64


def link(state: Literal["done", "refused", "waiting"] = "done", name: str = "", hours: int = 0) -> LinkRow:
    return LinkRow(
        project="crm",
        link="report",
        name=name,
        fingerprint="f1",
        digest=DIGEST if state == "done" else None,
        state=state,
        reason="why\x00",
        parents=(DIGEST, "b" * 64),
        at=NOW + timedelta(hours=hours),
    )


def interaction(number: int, **other: object) -> InteractionRow:
    fields = {
        "id": f"resp-{number}",
        "at": NOW + timedelta(minutes=number),
        "user_key": "u",
        "release_id": "r1",
        "variant_digest": DIGEST,
        "arm": "stable",
        "request": {"messages": [{"role": "user", "content": "hi\x00"}]},
        "response_text": "he\x00llo",
        "status_code": 200,
        "latency_seconds": 0.123456789,
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "cost": Decimal("0.000000123"),
        "guards": {"pii": True},
    }
    return InteractionRow.model_validate(fields | other)


def release(number: int = 1, **other: object) -> ReleaseRow:
    fields = {"release_id": f"r{number}", "project": "crm", "version": number, "variant": "tuned", "digest": DIGEST}
    return ReleaseRow.model_validate(fields | {"author": "ana", "at": NOW, "payload": {"card": 1}} | other)


def approval(approver: str, release_id: str = "r1") -> ApprovalRow:
    return ApprovalRow(
        release_id=release_id, approver=approver, decision="approve", reason="better by 4 points", at=NOW
    )


def test_the_latest_result_of_a_link_counts_and_none_is_lost(store: Store) -> None:
    told = [link("refused"), link("done", hours=1), link("done", name="rag"), link("waiting", hours=-1)]
    for row in told:
        store.links.record(row)
    assert store.links.latest("crm", "report") == told[3]
    assert store.links.latest("crm", "report", "rag") == told[2]
    assert store.links.latest("crm", "gate") is None
    assert store.links.latest("other", "report") is None
    assert store.links.history("crm") == told


def test_a_time_in_another_zone_comes_back_as_the_same_moment_in_utc(store: Store) -> None:
    here = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    store.links.record(link().model_copy(update={"at": here}))
    found = store.links.latest("crm", "report")
    assert found
    assert found.at == datetime(2026, 7, 1, 6, 30, 0, 123456, tzinfo=UTC)
    assert found.at.tzinfo is UTC


def test_a_row_with_a_time_without_zone_cannot_be_made() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        link().model_validate(dict(link()) | {"at": NOW.replace(tzinfo=None)})


def test_events_come_back_in_order_and_a_late_writer_is_turned_away(store: Store) -> None:
    first = store.events.append("rollout/r1", 0, "started", {"percent": 5}, NOW)
    second = store.events.append("rollout/r1", 1, "widened", {"percent": 25}, NOW)
    with pytest.raises(Busy, match="is at event 2, not 1"):
        store.events.append("rollout/r1", 1, "reverted", {}, NOW)
    with pytest.raises(Busy, match="is at event 2, not 7"):
        store.events.append("rollout/r1", 7, "reverted", {}, NOW)
    assert store.events.read("rollout/r1") == [first, second]
    assert store.events.read("rollout/r1", after=1) == [second]
    assert store.events.read("rollout/r2") == []


def test_streams_are_listed_by_prefix_taken_literally(store: Store) -> None:
    for stream in ("rollout/r_1", "rollout/rx1", "review/q"):
        store.events.append(stream, 0, "started", None, NOW)
    assert store.events.streams("rollout/r_") == ["rollout/r_1"]
    assert store.events.streams() == ["review/q", "rollout/r_1", "rollout/rx1"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8, deadline=None)
@given(batch=st.lists(st.integers(0, 9), max_size=6))
def test_writing_interactions_twice_changes_nothing(store: Store, batch: list[int]) -> None:
    before = {row.id for row in store.interactions.query()}
    store.interactions.add_many([interaction(number) for number in batch])
    once = store.interactions.query()
    store.interactions.add_many([interaction(number, status_code=500) for number in batch])
    assert store.interactions.query() == once
    assert {row.id for row in once} == before | {f"resp-{number}" for number in batch}


def test_an_interaction_comes_back_as_it_was(store: Store) -> None:
    told = interaction(1, error="it\x00broke", response_text=None, arm="canary")
    store.interactions.add_many([told])
    assert store.interactions.get("resp-1") == told
    assert store.interactions.query() == [told]
    with pytest.raises(NotFound):
        store.interactions.get("resp-2")


def test_interactions_are_chosen_by_time_and_release(store: Store) -> None:
    store.interactions.add_many([interaction(n, release_id="r2" if n % 2 else "r1") for n in range(6)])
    since, until = NOW + timedelta(minutes=1), NOW + timedelta(minutes=5)
    assert [row.id for row in store.interactions.query(since, until)] == ["resp-1", "resp-2", "resp-3", "resp-4"]
    assert [row.id for row in store.interactions.query(since, until, "r2")] == ["resp-1", "resp-3"]
    assert [row.id for row in store.interactions.query(limit=2)] == ["resp-0", "resp-1"]


def test_feedback_is_kept_once_and_only_for_what_was_served(store: Store) -> None:
    store.interactions.add_many([interaction(1), interaction(2)])
    told = [
        FeedbackRow(interaction_id="resp-1", at=NOW, kind="thumb", value=None),
        FeedbackRow(interaction_id="resp-2", at=NOW + timedelta(hours=1), kind="edit", value={"text": "better"}),
    ]
    for feedback in [*told, *told]:
        store.interactions.add_feedback(feedback)
    assert store.interactions.feedback() == told
    assert store.interactions.feedback(since=NOW + timedelta(minutes=1)) == told[1:]
    assert store.interactions.feedback(until=NOW + timedelta(minutes=1)) == told[:1]
    assert store.interactions.feedback(interaction_id="resp-2") == told[1:]
    with pytest.raises(NotFound):
        store.interactions.add_feedback(told[0].model_copy(update={"interaction_id": "resp-9"}))


def test_a_release_never_changes(store: Store) -> None:
    store.releases.add(release())
    store.releases.add(release())
    with pytest.raises(Refused, match="differs"):
        store.releases.add(release(author="bob"))
    with pytest.raises(Refused, match="version 1"):
        store.releases.add(release(release_id="again"))
    store.releases.add(release(2))
    assert store.releases.all("crm") == [release(1), release(2)]
    assert store.releases.all("other") == []
    assert store.releases.get("r2") == release(2)
    with pytest.raises(NotFound):
        store.releases.get("r3")


@pytest.mark.parametrize("approver", ["ana", "ANA"])
def test_nobody_approves_their_own_release(store: Store, approver: str) -> None:
    store.releases.add(release())
    with pytest.raises(Forbidden, match="made release"):
        store.releases.approve(approval(approver))
    assert store.releases.approvals("r1") == []


def test_the_database_refuses_self_approval_under_a_false_author(store: Store) -> None:
    store.releases.add(release())
    for author in ("ana", "bob"):
        statement = f"INSERT INTO approvals VALUES ('r1', 'ana', '{author}', 'approve', '\"ok\"', '2026-01-01')"
        with pytest.raises(IntegrityError), store._database.write() as session:
            session.execute(text(statement))


def test_an_approver_decides_once(store: Store) -> None:
    store.releases.add(release())
    store.releases.approve(approval("bob"))
    with pytest.raises(Refused, match="already decided"):
        store.releases.approve(approval("bob"))
    store.releases.approve(approval("carol"))
    assert store.releases.approvals("r1") == [approval("bob"), approval("carol")]
    with pytest.raises(NotFound):
        store.releases.approve(approval("bob", "r9"))
