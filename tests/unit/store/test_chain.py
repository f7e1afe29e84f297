"""The laws of a hash chain, on chains that are plain lists."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.store.chain import GENESIS, ChainHead, Sealed, check, seal

START = datetime(2026, 1, 1, tzinfo=UTC)


def chain_of(says: list[str]) -> list[Sealed]:
    entries: list[Sealed] = []
    for place, word in enumerate(says, start=1):
        at, previous = START + timedelta(seconds=place), entries[-1].hash if entries else GENESIS
        body = {"says": word}
        entries.append(Sealed(place, at, body, previous, seal("test", place, at, body, previous)))
    return entries


def head_of(entries: list[Sealed]) -> ChainHead:
    return ChainHead(seq=entries[-1].seq, hash=entries[-1].hash)


chains = st.lists(st.text(max_size=5), min_size=1, max_size=12).map(chain_of)


def test_the_hash_of_an_entry_is_sha256_over_canonical_json() -> None:
    told = {
        "at": "2026-01-01T00:00:00.000000+00:00",
        "body": {"a": 1},
        "chain": "audit",
        "previous": "0" * 64,
        "seq": 1,
    }
    expected = hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert seal("audit", 1, START, {"a": 1}, GENESIS) == expected


def test_an_empty_chain_is_intact() -> None:
    assert check("test", []).is_intact


@given(chains)
def test_an_untouched_chain_is_intact_and_agrees_with_every_earlier_head(entries: list[Sealed]) -> None:
    for earlier in range(1, len(entries) + 1):
        found = check("test", entries, head_of(entries[:earlier]))
        assert found.is_intact
        assert (found.entries, found.head) == (len(entries), head_of(entries))


@given(chains, st.data())
def test_an_edit_of_any_field_of_any_entry_is_named(entries: list[Sealed], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    old = entries[place]
    edits = [
        old._replace(at=old.at + timedelta(microseconds=1)),
        old._replace(body={"says": f"{old.body['says']}!"}),
        old._replace(body={**old.body, "also": None}),
        old._replace(previous_hash="f" * 64),
        old._replace(hash="f" * 64),
    ]
    entries[place] = data.draw(st.sampled_from(edits))
    found = check("test", entries)
    assert (found.is_intact, found.broken_seq, found.fault) == (False, place + 1, "edited")


@given(chains, st.data())
def test_an_edit_that_was_sealed_again_is_named_by_its_successor_or_the_anchor(
    entries: list[Sealed], data: st.DataObject
) -> None:
    anchor = head_of(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    body = {"says": f"{entries[place].body['says']}!"}
    forged = seal("test", place + 1, entries[place].at, body, entries[place].previous_hash)
    entries[place] = entries[place]._replace(body=body, hash=forged)
    found = check("test", entries, anchor)
    assert (found.is_intact, found.broken_seq, found.fault) == (False, place + 1, "rewritten")


@given(chains, st.data())
def test_a_removed_entry_is_named_and_the_anchor_shows_a_missing_tail(
    entries: list[Sealed], data: st.DataObject
) -> None:
    anchor = head_of(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    was_last = place == len(entries) - 1
    del entries[place]
    assert check("test", entries).is_intact is was_last
    found = check("test", entries, anchor)
    assert (found.is_intact, found.broken_seq) == (False, place + 1)
    assert found.fault == ("truncated" if was_last else "removed")


@given(chains, st.data())
def test_of_two_swapped_entries_the_first_is_named(entries: list[Sealed], data: st.DataObject) -> None:
    pairs = [(a, b) for b in range(len(entries)) for a in range(b)]
    if not pairs:
        return
    first, second = data.draw(st.sampled_from(pairs))
    one, two = entries[first], entries[second]
    entries[first], entries[second] = two._replace(seq=one.seq), one._replace(seq=two.seq)
    found = check("test", entries)
    assert (found.is_intact, found.broken_seq, found.fault) == (False, first + 1, "reordered")


@given(chains)
def test_a_whole_chain_written_anew_is_betrayed_by_the_anchor(entries: list[Sealed]) -> None:
    forged = chain_of([f"{entry.body['says']}!" for entry in entries])
    assert check("test", forged).is_intact
    found = check("test", forged, head_of(entries))
    assert (found.is_intact, found.fault) == (False, "rewritten")


@given(chains)
def test_an_entry_cannot_be_carried_over_to_another_chain(entries: list[Sealed]) -> None:
    assert not check("ledger", entries).is_intact


def test_the_reason_names_chain_and_entry() -> None:
    entries = chain_of(["a", "b", "c"])
    del entries[1]
    assert check("test", entries).reason == "test entry 2 was removed"


def test_a_time_written_in_another_zone_has_the_same_hash() -> None:
    elsewhere = START.astimezone(tz=datetime.strptime("+0530", "%z").tzinfo)
    assert seal("test", 1, elsewhere, {}, GENESIS) == seal("test", 1, START, {}, GENESIS)


@pytest.mark.parametrize("seq", [0, 1])
def test_an_anchor_beyond_an_empty_chain_is_missed(seq: int) -> None:
    found = check("test", [], ChainHead(seq=seq, hash=GENESIS))
    assert found.is_intact is (seq == 0)
