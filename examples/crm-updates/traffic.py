"""Made-up life around the example: people who send e-mails, look at rows, and see whether the CRM took the call.

Everything follows from its seed, on a clock that is given: the same arguments replay the same weeks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from emails import Account, Email, make_accounts, write_email
from generate import ACCOUNTS, SILENT_ACCOUNTS

from luthier.domain.calls import canonical_call

TRAINING_SEED = 7
SIMULATED_REVIEWERS = ("simulated-reviewer-1", "simulated-reviewer-2")


@dataclass(frozen=True)
class Request:
    """One e-mail on its way to the gateway, and the call that would be right."""

    user_id: str
    messages: tuple[Mapping[str, str], ...]
    ideal: str
    at: datetime
    task_type: str
    needs_fact: bool


@dataclass(frozen=True)
class SimulatedMark:
    """What a reviewer who does not exist says of a row; never to be counted as a person's."""

    row_id: str
    reviewer: str
    mark: str = "accept"
    simulated: bool = True


def crm_accounts(seed: int = TRAINING_SEED) -> tuple[Account, ...]:
    """The customers that the generated knowledge base of this seed holds and that e-mails are about."""
    return make_accounts(seed, ACCOUNTS + SILENT_ACCOUNTS)[:ACCOUNTS]


def requests(
    count: int,
    *,
    seed: int,
    start: datetime,
    per_hour: float = 60.0,
    users: int = 200,
    accounts: Sequence[Account] | None = None,
) -> Iterator[Request]:
    """`count` fresh e-mails from `users` people at random moments after `start`, in the order of time."""
    rng = Random(f"traffic:{seed}")
    known, at = accounts or crm_accounts(), start
    for _ in range(count):
        account, other = rng.sample(known, 2)
        at += timedelta(hours=rng.expovariate(per_hour))
        yield _request(write_email(rng, account, other), user_id=f"rep-{rng.randrange(users):04d}", at=at)


def _request(email: Email, *, user_id: str, at: datetime) -> Request:
    messages = ({"role": "user", "content": email.text},)
    return Request(user_id, messages, email.ideal, at, email.tool, email.needs_fact)


def marks_of(row_ids: Sequence[str]) -> Iterator[SimulatedMark]:
    """Two simulated reviewers accept every row."""
    for row_id in row_ids:
        for reviewer in SIMULATED_REVIEWERS:
            yield SimulatedMark(row_id, reviewer)


def is_solved(answer: str | None, ideal: str) -> bool:
    """Whether the CRM did what was wanted: the call equals the right one, whatever its spacing and key order."""
    given = canonical_call(answer)
    return given is not None and given == canonical_call(ideal)
