"""When a back end is left alone, and how many retries are affordable: arithmetic on times that callers give."""

from dataclasses import dataclass, field
from typing import Literal

Health = Literal["up", "trying", "down"]


@dataclass
class Breaker:
    """One back end: failures in a row open it; after a while one request at a time tries whether it answers again."""

    open_after: int
    open_seconds: float
    failures: int = 0
    opened_at: float | None = None
    is_trying: bool = False

    def admits(self, now: float) -> bool:
        """Whether a request may go there; the one that is admitted while it is open must report how it went."""
        if self.opened_at is None:
            return True
        if self.is_trying or now - self.opened_at < self.open_seconds:
            return False
        self.is_trying = True
        return True

    def succeeded(self) -> None:
        """The back end answered: it is whole again."""
        self.failures, self.opened_at, self.is_trying = 0, None, False

    def failed(self, now: float, *, at_least_seconds: float = 0.0) -> None:
        """The back end failed; a `Retry-After` of it opens the breaker at once and for as long."""
        self.failures += 1
        if at_least_seconds or self.failures >= self.open_after or self.is_trying:
            self.opened_at = now + max(0.0, at_least_seconds - self.open_seconds)
        self.is_trying = False

    def gave_up(self) -> None:
        """A request ended without telling anything of the back end, as when its client left."""
        self.is_trying = False

    def health(self) -> Health:
        """In one word."""
        if self.opened_at is None:
            return "up"
        return "trying" if self.is_trying else "down"


@dataclass
class RetryBudget:
    """Retries as a share of requests: each request pays in a part of a retry, each retry takes a whole one."""

    share: float
    most: float = 10.0
    saved: float = field(default=1.0)

    def paid(self) -> None:
        """A first try was made."""
        self.saved = min(self.most, self.saved + self.share)

    def takes(self) -> bool:
        """Whether one retry is affordable; it is spent then."""
        if self.share == 0 or self.saved < 1:
            return False
        self.saved -= 1
        return True


def retry_after(value: bytes | None, *, most: float = 60.0) -> float:
    """Seconds that a `Retry-After` header asks for, within bounds; 0 where it says none, or a date."""
    if value is None or not value.strip().isdigit():
        return 0.0
    return min(most, float(value.strip()[:9]))
