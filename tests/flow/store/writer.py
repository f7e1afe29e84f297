"""A process that forks writers on request, one JSON line each, for tests that kill them and count what they were told.

Each writer appends to the audit log, keeps an artifact and appends to the ledger in turn, and prints a line only once a
call has returned. `started PID` comes first and `ended` last.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from luthier.store import LedgerEntry, Store

START = datetime(2026, 1, 1, tzinfo=UTC)


def say(line: str) -> None:
    """One write, so that lines of several writers never mix and a kill never cuts one."""
    os.write(1, f"{line}\n".encode())


def write(url: str, artifacts: str, label: str, rounds: int) -> None:
    """Keeps `rounds` rounds of everything, telling each after it was acknowledged."""
    parents: list[str] = []
    with Store.open(url, artifacts) as store:
        for number in range(rounds):
            name, now = f"{label}/{number}", START + timedelta(seconds=number)
            store.audit.append(label, "write", name, {"number": number}, now=now)
            say(f"audit {name}")
            kept = store.artifacts.put_bytes(
                name.encode(), kind="line", media_type="text/plain", parents=parents, now=now
            )
            say(f"artifact {kept}")
            parents = [kept]
            store.ledger.append(cost(name, now))
            say(f"ledger {name}")


def cost(subject: str, now: datetime) -> LedgerEntry:
    """A tenth of a euro, which no binary float holds."""
    dime = Decimal("0.1")
    return LedgerEntry(
        bucket="data",
        subject=subject,
        quantity=Decimal(1),
        unit="row",
        unit_price=dime,
        amount=dime,
        currency="EUR",
        at=now,
    )


def main() -> None:
    """Forks the writers that each line asks for and waits for them."""
    for line in sys.stdin:
        asked = json.loads(line)
        for number in range(asked["writers"]):
            child = os.fork()
            if child == 0:
                write(asked["url"], asked["artifacts"], f"{asked['label']}-{number}", asked["rounds"])
                os._exit(0)
            say(f"started {child}")
        for _ in range(asked["writers"]):
            os.wait()
        say("ended")


if __name__ == "__main__":
    main()
