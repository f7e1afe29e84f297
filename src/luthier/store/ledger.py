"""What was spent: append-only, hash-chained like the audit log, and exact to the last digit."""

from datetime import datetime
from decimal import Decimal

from pydantic import Field

from luthier.domain.money import EXACT
from luthier.domain.value import Json
from luthier.store.chain import ChainCheck, ChainHead, HashChain
from luthier.store.columns import decimal_text
from luthier.store.database import Database
from luthier.store.row import Exact, Moment, Name, Row
from luthier.store.tables import LedgerTable


class LedgerEntry(Row):
    """One cost. `amount` is stated, not computed: an invoice may round `quantity` x `unit_price`."""

    bucket: str = Field(
        pattern=r"^[a-z][a-z_]{0,79}$", description="data, training, evaluation, serving, engineering, labelling..."
    )
    subject: Name
    quantity: Exact
    unit: str = Field(min_length=1, max_length=80)
    unit_price: Exact
    amount: Exact
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    at: Moment
    note: str = ""


class Ledger:
    """Append-only; a correction is a further entry, with a negative amount where money came back."""

    def __init__(self, database: Database) -> None:
        self._chain = HashChain(database, LedgerTable, _body)

    def append(self, entry: LedgerEntry) -> ChainHead:
        """The entry's place in the chain, once it is durable."""
        row = self._chain.append(LedgerTable(**dict(entry)))
        return ChainHead(seq=row.seq, hash=row.hash)

    def entries(self, since: datetime | None = None, until: datetime | None = None) -> list[LedgerEntry]:
        """Costs from `since` up to but without `until`, in the order in which they were entered."""
        return [_entry(row) for row in self._chain.rows(since, until)]

    def total(self, bucket: str | None = None) -> dict[str, Decimal]:
        """The exact sum per currency, of one bucket or of all."""
        totals: dict[str, Decimal] = {}
        for entry in self.entries():
            if bucket in {None, entry.bucket}:
                totals[entry.currency] = EXACT.add(totals.get(entry.currency, Decimal(0)), entry.amount)
        return totals

    def head(self) -> ChainHead:
        """The last entry's place and hash, to be anchored outside."""
        return self._chain.head()

    def verify(self, anchor: ChainHead | None = None) -> ChainCheck:
        """Whether every entry up to the end, or at least to `anchor`, is there and unchanged."""
        return self._chain.verify(anchor)


def _body(row: LedgerTable) -> dict[str, Json]:
    return {
        "bucket": row.bucket,
        "subject": row.subject,
        "quantity": decimal_text(row.quantity),
        "unit": row.unit,
        "unit_price": decimal_text(row.unit_price),
        "amount": decimal_text(row.amount),
        "currency": row.currency,
        "note": row.note,
    }


def _entry(row: LedgerTable) -> LedgerEntry:
    return LedgerEntry.model_validate({name: getattr(row, name) for name in LedgerEntry.model_fields})
