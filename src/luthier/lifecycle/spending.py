"""What work costs, written to the ledger as it is done."""

from decimal import Decimal

from luthier.domain.money import Money
from luthier.lifecycle.energy import Meter
from luthier.lifecycle.workspace import Workspace
from luthier.store import LedgerEntry

SECONDS_PER_HOUR = Decimal(3600)


def spend(
    work: Workspace, bucket: str, subject: str, *, seconds: Decimal, paid: Money | None = None, note: str = ""
) -> Money:
    """Own machine time at the project's hourly price plus what an engine charged, entered once; the sum."""
    costs = work.config.costs
    price = costs.training_hour_price if bucket == "training" else costs.serving_hour_price
    hours = seconds / SECONDS_PER_HOUR
    own = Money(amount=(hours * price).quantize(Decimal("0.000001")), currency=costs.currency)
    _enter(work, bucket, subject, quantity=hours, unit="machine-hour", price=own, unit_price=price, note=note)
    if paid is None or not paid.amount:
        return own
    _enter(work, bucket, subject, quantity=Decimal(1), unit="engine charges", price=paid, unit_price=paid.amount)
    return own + paid if paid.currency == own.currency else own


def note_energy(work: Workspace, bucket: str, subject: str, meter: Meter) -> None:
    """Kilowatt-hours in the ledger, without a price: the machine's hour holds it. Nothing where none were counted."""
    used = meter.kwh()
    if used is not None:
        nothing = Money(currency=work.config.costs.currency)
        _enter(work, bucket, subject, quantity=used, unit="kWh", price=nothing, unit_price=Decimal(0), note=meter.said)


def spend_once(
    work: Workspace, bucket: str, subject: str, *, quantity: Decimal, unit: str, unit_price: Decimal
) -> Money:
    """The price of what was bought under a subject that names it; a second call enters nothing and gives the same."""
    currency = work.config.costs.currency
    price = Money(amount=(quantity * unit_price).quantize(Decimal("0.000001")), currency=currency)
    for entry in work.store.ledger.entries():
        if (entry.bucket, entry.subject, entry.unit) == (bucket, subject, unit):
            return Money(amount=entry.amount, currency=entry.currency)
    _enter(work, bucket, subject, quantity=quantity, unit=unit, price=price, unit_price=unit_price)
    return price


def _enter(
    work: Workspace,
    bucket: str,
    subject: str,
    *,
    quantity: Decimal,
    unit: str,
    price: Money,
    unit_price: Decimal,
    note: str = "",
) -> None:
    entry = LedgerEntry.model_validate(
        {
            "bucket": bucket,
            "subject": subject,
            "quantity": quantity,
            "unit": unit,
            "unit_price": unit_price,
            "amount": price.amount,
            "currency": price.currency,
            "at": work.clock(),
            "note": note,
        }
    )
    work.store.ledger.append(entry)
