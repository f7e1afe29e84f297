"""Audit log and ledger on real databases: what is appended comes back, and what somebody changes is named."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from luthier.store import ChainHead, LedgerEntry, Store

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def fill(store: Store, count: int = 5) -> list[str]:
    for number in range(1, count + 1):
        store.audit.append(f"user{number}", "approve", f"r{number}", {"n": number}, now=NOW + timedelta(hours=number))
    return [entry.subject for entry in store.audit.entries()]


def tamper(store: Store, *statements: str) -> None:
    with store._database.write() as session:
        for statement in statements:
            session.execute(text(statement))


def cost(amount: str, currency: str = "EUR", bucket: str = "data", quantity: str = "1") -> LedgerEntry:
    return LedgerEntry(
        bucket=bucket,
        subject="labels",
        quantity=Decimal(quantity),
        unit="row",
        unit_price=Decimal(amount),
        amount=Decimal(amount),
        currency=currency,
        at=NOW,
        note="für\x00 alle",
    )


def test_entries_come_back_as_they_were_told(store: Store) -> None:
    detail = {"text": "é\x00\n", "figure": 0.1, "none": None, "list": [1, {"a": True}]}
    told = store.audit.append("ana", "approve", "r1", detail, now=NOW)
    assert store.audit.entries() == [told]
    assert (told.seq, told.at, told.detail) == (1, NOW, detail)
    assert store.audit.head() == ChainHead(seq=1, hash=told.hash)


def test_entries_between_two_times_begin_with_the_first_and_end_before_the_second(store: Store) -> None:
    assert fill(store) == ["r1", "r2", "r3", "r4", "r5"]
    between = store.audit.entries(since=NOW + timedelta(hours=2), until=NOW + timedelta(hours=4))
    assert [entry.subject for entry in between] == ["r2", "r3"]


@pytest.mark.parametrize(
    "edit",
    [
        "actor = 'mallory'",
        "action = 'reject'",
        "subject = 'r9'",
        "detail = '[9]'",
        "detail = 'no json at all'",
        "detail = 'NaN'",
        "at = '2020-01-01 00:00:00.000000'",
        "hash = 'x'",
        f"previous_hash = '{'e' * 64}'",
    ],
)
def test_one_edited_row_is_named(store: Store, edit: str) -> None:
    fill(store)
    if edit == "hash = 'x'":
        edit = f"hash = '{'d' * 64}'"
    tamper(store, f"UPDATE audit SET {edit} WHERE seq = 3")
    found = store.audit.verify()
    assert (found.is_intact, found.broken_seq, found.fault) == (False, 3, "edited")
    assert found.reason.startswith("audit entry 3 was edited")


def test_a_time_that_is_no_time_is_an_edit(store: Store) -> None:
    if not store._database.is_sqlite:
        pytest.skip("PostgreSQL refuses to hold it")
    fill(store)
    tamper(store, "UPDATE audit SET at = 'yesterday' WHERE seq = 2")
    assert store.audit.verify().broken_seq == 2


def test_a_deleted_row_is_named(store: Store) -> None:
    fill(store)
    tamper(store, "DELETE FROM audit WHERE seq = 2")
    found = store.audit.verify()
    assert (found.broken_seq, found.fault) == (2, "removed")


def test_two_swapped_rows_are_named(store: Store) -> None:
    fill(store)
    tamper(
        store,
        "UPDATE audit SET seq = 99 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 99",
    )
    found = store.audit.verify()
    assert (found.broken_seq, found.fault) == (2, "reordered")


def test_a_cut_tail_is_found_with_the_head_that_was_anchored(store: Store) -> None:
    fill(store)
    anchor = store.audit.head()
    assert store.audit.verify(anchor).is_intact
    tamper(store, "DELETE FROM audit WHERE seq >= 4")
    assert store.audit.verify().is_intact
    found = store.audit.verify(anchor)
    assert (found.broken_seq, found.fault) == (4, "truncated")
    assert "entry 4 was removed" in found.reason


def test_an_untouched_log_longer_than_one_page_is_intact(store: Store) -> None:
    fill(store, 3)
    with store._database.read() as session:
        assert [entry.seq for entry in store.audit._chain._stored(session)] == [1, 2, 3]
    assert store.audit.verify().entries == 3


def test_an_empty_chain_is_intact_and_its_head_is_nowhere(store: Store) -> None:
    assert store.audit.verify().is_intact
    assert store.audit.head().seq == 0
    assert store.ledger.verify().is_intact


def test_money_is_exact_to_the_last_digit(store: Store) -> None:
    entries = [
        cost("0.1"),
        cost("0.2"),
        cost("12345678901234567890.123456789012345678"),
        cost("-0.30"),
        cost("1E-20", quantity="3.10"),
        cost("7", "USD"),
        cost("0.25", bucket="training"),
    ]
    for entry in entries:
        store.ledger.append(entry)
    assert store.ledger.entries() == entries
    assert str(store.ledger.entries()[4].quantity) == "3.10"
    by_hand = Decimal("12345678901234567890.12345678901234567801")
    assert store.ledger.total("data") == {"EUR": by_hand, "USD": Decimal(7)}
    assert store.ledger.total("training") == {"EUR": Decimal("0.25")}
    assert store.ledger.total()["EUR"] == Decimal("12345678901234567890.37345678901234567801")
    assert store.ledger.total("serving") == {}
    assert store.ledger.verify().is_intact


def test_an_edited_amount_is_named(store: Store) -> None:
    for amount in ("1.00", "2.00", "3.00"):
        store.ledger.append(cost(amount))
    tamper(store, "UPDATE ledger SET amount = '0.01' WHERE seq = 2")
    found = store.ledger.verify()
    assert (found.broken_seq, found.fault) == (2, "edited")
    tamper(store, "UPDATE ledger SET amount = 'much' WHERE seq = 2")
    assert store.ledger.verify().broken_seq == 2


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValidationError):
        cost(amount)


def test_a_time_without_a_zone_is_refused_before_it_is_kept(store: Store) -> None:
    with pytest.raises(Exception, match="no time zone"):
        store.audit.append("ana", "look", "x", now=NOW.replace(tzinfo=None))
    assert store.audit.entries() == []
