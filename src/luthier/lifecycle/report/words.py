"""How figures, verdicts and times read, in every form of the report alike."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from luthier.domain.decisions import Advice, FailureKind
from luthier.domain.measure import Measurement
from luthier.domain.money import Money

MISSING = "not measured yet"
OUTCOMES: Mapping[str, str] = {"pass": "pass", "fail": "fail", "not_enough_evidence": "not enough evidence"}
ADVICE: Mapping[Advice, str] = {
    "prompt": "prompt",
    "retrieve": "retrieve",
    "tune": "tune",
    "tune_and_retrieve": "tune and retrieve",
    "stop": "stop",
    "not_enough_evidence": "not enough evidence",
}
FAILURES: Mapping[FailureKind, str] = {
    "format": "no valid call",
    "tone": "tone",
    "jargon": "jargon",
    "tool_name": "wrong tool",
    "wrong_argument": "wrong argument",
    "missing_fact": "missing fact",
    "wrong_fact": "wrong fact",
    "reasoning": "reasoning",
    "refusal_or_empty": "refusal or empty",
}
STOPPED: Mapping[str, str] = {
    "finished": "all epochs done",
    "early_stopping": "validation loss no longer fell",
    "time_limit": "time limit reached",
}


def figure(value: float) -> str:
    """A share or score with three digits."""
    return f"{value:.3f}"


def interval(measured: Measurement) -> str:
    """The two ends of the interval."""
    return f"{measured.low:.3f} to {measured.high:.3f}"


def told(measured: Measurement | None) -> str:
    """Value, interval and n in one phrase."""
    return f"{figure(measured.value)} ({interval(measured)}, n = {measured.n:,})" if measured else MISSING


def points(share: float) -> str:
    """A difference of shares in percentage points."""
    return f"{100 * share:+.1f} points"


def money(amount: Money | None) -> str:
    """An amount with cents, or with two significant digits where it is below one unit."""
    if amount is None:
        return "-"
    value = amount.amount
    if value and abs(value) < 1:
        digits = max(2, 1 - value.adjusted())
        return f"{amount.currency} {value:.{min(digits, 8)}f}"
    return str(Money(amount=value.quantize(Decimal("0.01")), currency=amount.currency))


def thousand(amount: Money) -> str:
    """A thousand times the amount, without its currency: what one answer costs is too small to read."""
    value = amount.amount * 1000
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.2g}"


def seconds(value: float) -> str:
    """A time of answering."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def duration(total: float) -> str:
    """A length of time in the two largest units that matter."""
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    for place, (name, size) in enumerate(units):
        if total >= size and name != "s":
            smaller, unit = units[place + 1]
            rest = round((total % size) / unit)
            return f"{int(total // size)} {name} {rest} {smaller}" if rest else f"{int(total // size)} {name}"
    return f"{total:.1f} s"


def moment(at: datetime) -> str:
    """A moment to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def outcome(name: str | None) -> str:
    """A verdict's outcome in plain words."""
    return OUTCOMES.get(name, name) if name else "-"


def short(digest: str) -> str:
    """The start of a digest."""
    return digest[:12]


def plain(name: str) -> str:
    """A name of the code as words."""
    return name.replace("_", " ")
