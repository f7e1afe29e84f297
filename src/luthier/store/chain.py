"""A hash chain: each entry's hash covers the one before it, so that no entry can change, go or move unseen."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Generic, Literal, NamedTuple, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from luthier.domain.digests import digest_of
from luthier.domain.value import Json
from luthier.store.database import Database
from luthier.store.row import Digest, Row
from luthier.store.tables import AuditTable, LedgerTable

GENESIS = "0" * 64
_PAGE = 500
_UNREADABLE = (ValueError, TypeError, ArithmeticError)  # what parsing JSON, a time or a decimal raises
ChainFault = Literal["edited", "removed", "reordered", "rewritten", "truncated"]
T = TypeVar("T", AuditTable, LedgerTable)


class ChainHead(Row):
    """The last entry of a chain. Kept outside the database, it shows later that nothing up to it was taken away."""

    seq: int
    hash: Digest


class ChainCheck(Row):
    """What a walk along a chain found; `broken_seq` is the first entry that is not what was once appended."""

    entries: int
    head: ChainHead
    is_intact: bool
    broken_seq: int | None = None
    fault: ChainFault | None = None
    reason: str


class Sealed(NamedTuple):
    """One entry of a chain as it is stored."""

    seq: int
    at: datetime
    body: dict[str, Json]
    previous_hash: str
    hash: str


def seal(chain: str, seq: int, at: datetime, body: dict[str, Json], previous_hash: str) -> str:
    """The hash of an entry: over the chain's name, its place, its time, what it says and the hash before it."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return digest_of({"chain": chain, "seq": seq, "at": moment, "body": body, "previous": previous_hash})


def check(chain: str, stored: Iterable[Sealed], anchor: ChainHead | None = None) -> ChainCheck:
    """The first broken entry of `stored`, which is in order of `seq`; `anchor` also shows a missing tail."""
    last, anchored = ChainHead(seq=0, hash=GENESIS), None
    entries = iter(stored)
    for entry in entries:
        fault = _fault(chain, last, entry)
        if fault == "edited" and _stood_elsewhere(chain, entry, entries):
            fault = "reordered"
        if fault is not None:
            return _broken(chain, last, fault)
        last = ChainHead(seq=entry.seq, hash=entry.hash)
        anchored = last if anchor is not None and anchor.seq == entry.seq else anchored
    if anchor is not None and anchor.seq > last.seq:
        return _broken(chain, last, "truncated")
    if anchor is not None and anchor.seq > 0 and anchor != anchored:
        reason = f"{chain} was rewritten at or before entry {anchor.seq}: its hash is not the anchored one"
        return _found(last, "rewritten", anchor.seq, reason)
    return ChainCheck(entries=last.seq, head=last, is_intact=True, reason=f"{chain}: {last.seq} entries, unbroken")


def _fault(chain: str, last: ChainHead, entry: Sealed) -> ChainFault | None:
    if entry.seq > last.seq + 1:
        return "removed"
    if not _is_sealed(chain, entry, entry.seq):
        return "edited"
    return "rewritten" if entry.previous_hash != last.hash else None


def _stood_elsewhere(chain: str, entry: Sealed, rest: Iterator[Sealed]) -> bool:
    longest = max((other.seq for other in rest), default=entry.seq)
    places = range(1, max(longest, entry.seq) + 1)
    return any(_is_sealed(chain, entry, place) for place in places)


def _is_sealed(chain: str, entry: Sealed, place: int) -> bool:
    try:
        return seal(chain, place, entry.at, entry.body, entry.previous_hash) == entry.hash
    except _UNREADABLE:  # the stored body is no JSON that could have been appended
        return False


def _broken(chain: str, last: ChainHead, fault: ChainFault) -> ChainCheck:
    here = last.seq + 1
    told: dict[ChainFault, tuple[int, str]] = {
        "removed": (here, f"{chain} entry {here} was removed"),
        "edited": (here, f"{chain} entry {here} was edited: it is not what its hash covers"),
        "reordered": (here, f"{chain} entry {here} was reordered: another entry stands in its place"),
        "rewritten": (
            max(last.seq, 1),
            f"{chain} entry {max(last.seq, 1)} was rewritten: entry {here} does not follow it",
        ),
        "truncated": (here, f"{chain} entry {here} was removed, with all after it: the anchor lies beyond the end"),
    }
    seq, reason = told[fault]
    return _found(last, fault, seq, reason)


def _found(last: ChainHead, fault: ChainFault, seq: int, reason: str) -> ChainCheck:
    return ChainCheck(entries=last.seq, head=last, is_intact=False, broken_seq=seq, fault=fault, reason=reason)


class HashChain(Generic[T]):
    """One table kept as a hash chain; appends of all processes take turns."""

    def __init__(self, database: Database, table: type[T], body: Callable[[T], dict[str, Json]]) -> None:
        self._database = database
        self._table: type[T] = table
        self._body: Callable[[T], dict[str, Json]] = body
        self._name: str = table.__tablename__

    def append(self, row: T) -> T:
        """`row` with its place and hashes, once it is durable."""
        with self._database.write(turn=self._name) as session:
            last = session.scalars(select(self._table).order_by(self._table.seq.desc()).limit(1)).first()
            row.seq, row.previous_hash = (last.seq + 1, last.hash) if last else (1, GENESIS)
            row.hash = seal(self._name, row.seq, row.at, self._body(row), row.previous_hash)
            session.add(row)
        return row

    def rows(self, since: datetime | None = None, until: datetime | None = None) -> list[T]:
        """Entries from `since` up to but without `until`, oldest first."""
        wanted = select(self._table).order_by(self._table.seq)
        if since is not None:
            wanted = wanted.where(self._table.at >= since)
        if until is not None:
            wanted = wanted.where(self._table.at < until)
        with self._database.read() as session:
            return list(session.scalars(wanted))

    def head(self) -> ChainHead:
        """The last entry, to be anchored outside; seq 0 where there is none yet."""
        with self._database.read() as session:
            last = session.scalars(select(self._table).order_by(self._table.seq.desc()).limit(1)).first()
            return ChainHead(seq=last.seq, hash=last.hash) if last else ChainHead(seq=0, hash=GENESIS)

    def verify(self, anchor: ChainHead | None = None) -> ChainCheck:
        """Walks the whole chain and names the first entry that was edited, removed or moved."""
        with self._database.read() as session:
            return check(self._name, self._stored(session), anchor)

    def _stored(self, session: Session) -> Iterator[Sealed]:
        seq, after = self._table.seq, 0
        while page := list(session.scalars(select(seq).where(seq > after).order_by(seq).limit(_PAGE))):
            rows = select(self._table).where(seq >= page[0], seq <= page[-1]).order_by(seq)
            try:
                sealed = [self._sealed(row) for row in session.scalars(rows)]
            except _UNREADABLE:
                sealed = [self._sealed_alone(session, place) for place in page]
            yield from sealed
            session.expunge_all()
            after = page[-1]

    def _sealed(self, row: T) -> Sealed:
        return Sealed(row.seq, row.at, self._body(row), row.previous_hash, row.hash)

    def _sealed_alone(self, session: Session, seq: int) -> Sealed:
        try:
            return self._sealed(session.scalars(select(self._table).where(self._table.seq == seq)).one())
        except _UNREADABLE:  # somebody wrote what no append could have; an empty entry matches no hash
            return Sealed(seq, datetime.min.replace(tzinfo=UTC), {}, "", "")
