"""What each key has left: requests and tokens by the minute, tokens and money by the day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from luthier.gateway.config import LimitsConfig
from luthier.gateway.faults import HttpFault

DAY_SECONDS = 86_400
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass
class Bucket:
    """An amount that refills evenly over a minute and may be overdrawn once."""

    per_minute: float
    left: float
    at: float

    def refilled(self, now: float) -> float:
        """What is left at `now`."""
        self.left = min(self.per_minute, self.left + (now - self.at) * self.per_minute / 60)
        self.at = now
        return self.left

    def seconds_until(self, amount: float) -> float:
        """Until `amount` is left, after `refilled`."""
        return max(0.0, (amount - self.left) * 60 / self.per_minute)

    def headers(self, what: str) -> Headers:
        """OpenAI's three headers on one limit."""
        full = self.seconds_until(self.per_minute)
        told = (
            (b"limit", b"%d" % self.per_minute),
            (b"remaining", b"%d" % max(0, self.left)),
            (b"reset", b"%.3fs" % full),
        )
        return tuple((b"x-ratelimit-%b-%b" % (name, what.encode()), value) for name, value in told)


@dataclass
class Account:
    """One owner of keys."""

    limits: LimitsConfig
    requests: Bucket | None
    tokens: Bucket | None
    day: int = 0
    tokens_today: int = 0
    money_today: Decimal = Decimal(0)

    def admit(self, now: float, day: int) -> None:
        """Take one request from what is left; HttpFault 429 where something is used up, and then nothing is taken."""
        self._turn_to(day)
        self._refuse_spent()
        for bucket, what in ((self.requests, "requests"), (self.tokens, "tokens")):
            if bucket is not None and bucket.refilled(now) < 1:
                wait = bucket.seconds_until(1)
                raise HttpFault(
                    429, f"the limit of {what} per minute is reached", code="rate_limit_exceeded", retry_seconds=wait
                )
        if self.requests is not None:
            self.requests.left -= 1

    def spend(self, tokens: int, money: Decimal, day: int) -> None:
        """Count what an answer took; it may overdraw, since nobody knows its length before."""
        self._turn_to(day)
        self.tokens_today += tokens
        self.money_today += money
        if self.tokens is not None:
            self.tokens.left -= tokens

    def headers(self) -> Headers:
        """Rate-limit headers, as OpenAI names them."""
        told: Headers = ()
        if self.requests is not None:
            told += self.requests.headers("requests")
        if self.tokens is not None:
            told += self.tokens.headers("tokens")
        return told

    def _turn_to(self, day: int) -> None:
        if day != self.day:
            self.day, self.tokens_today, self.money_today = day, 0, Decimal(0)

    def _refuse_spent(self) -> None:
        limits = self.limits
        if limits.tokens_per_day is not None and self.tokens_today >= limits.tokens_per_day:
            raise HttpFault(
                429, "the budget of tokens of this day is spent", code="insufficient_quota", retry_seconds=3_600
            )
        if limits.money_per_day is not None and self.money_today >= limits.money_per_day:
            raise HttpFault(
                429, "the budget of money of this day is spent", code="insufficient_quota", retry_seconds=3_600
            )


@dataclass
class Accounts:
    """Everybody's; made when they first call, kept while the limits are the same."""

    limits: LimitsConfig
    own: Mapping[str, LimitsConfig]
    workers: int = 1
    """Each worker gives out its part of every limit."""

    known: dict[str, Account] = field(default_factory=dict)

    def of(self, owner: str, now: float) -> Account:
        """The account of a key's owner."""
        account = self.known.get(owner)
        if account is None:
            account = self.known[owner] = _opened(self.own.get(owner, self.limits), now, self.workers)
        return account

    def spent(self) -> dict[str, tuple[int, int, str]]:
        """Day, tokens and money of each, to be kept over a restart."""
        return {
            name: (each.day, each.tokens_today, str(each.money_today))
            for name, each in self.known.items()
            if each.tokens_today
        }

    def take_over(self, spent: Mapping[str, tuple[int, int, str]], now: float) -> None:
        """Go on from what was spent before a restart."""
        for owner, (day, tokens, money) in spent.items():
            account = self.of(owner, now)
            account.day, account.tokens_today, account.money_today = day, tokens, Decimal(money)


def _opened(limits: LimitsConfig, now: float, workers: int) -> Account:
    part = LimitsConfig(
        requests_per_minute=_part(limits.requests_per_minute, workers),
        tokens_per_minute=_part(limits.tokens_per_minute, workers),
        tokens_per_day=_part(limits.tokens_per_day, workers),
        money_per_day=None if limits.money_per_day is None else limits.money_per_day / workers,
    )

    def bucket(per_minute: int | None) -> Bucket | None:
        return None if per_minute is None else Bucket(per_minute, per_minute, now)

    return Account(part, bucket(part.requests_per_minute), bucket(part.tokens_per_minute))


def _part(whole: int | None, workers: int) -> int | None:
    return None if whole is None else max(1, whole // workers)
