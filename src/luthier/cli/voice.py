"""Work in progress on a terminal: a living line where there is one, plain lines anywhere else."""

import sys
import time
from dataclasses import dataclass

import typer

from luthier.domain.runs import CurvePoint

QUIET_SECONDS = 5.0
BAR_CELLS = 24
GIB = 1 << 30


@dataclass(frozen=True)
class Pace:
    """When a run was first heard of, to tell when it will end."""

    done: int
    at: float
    last: int

    @classmethod
    def after(cls, before: "Pace | None", done: int, at: float) -> "Pace":
        """The pace once `done` steps are behind; a count that fell belongs to another run."""
        if before is None or done < before.last:
            return cls(done, at, done)
        return cls(before.done, before.at, done)

    def seconds_left(self, done: int, of: int, at: float) -> float | None:
        """At the pace so far; None before there is one, and at the end."""
        steps = done - self.done
        return None if steps <= 0 or done >= of else (at - self.at) / steps * (of - done)


def duration(seconds: float) -> str:
    """A time as people say it: `45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


class TerminalVoice:
    """Tells links, facts and progress; on no terminal, progress at most every few seconds."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._lives = sys.stderr.isatty()
        self._told_at = 0.0
        self._open_line = False
        self._pace: Pace | None = None

    def link(self, name: str) -> None:
        """A link of the chain begins."""
        self._line(f"\n{typer.style(name, bold=True)}" if self._lives else f"== {name}")

    def say(self, text: str) -> None:
        """One finished fact."""
        self._line(f"   {text}")

    def progress(self, what: str, done: int, of: int) -> None:
        """`done` of `of` pieces of `what` are finished."""
        filled = BAR_CELLS * done // of if of else BAR_CELLS
        bar = "#" * filled + "." * (BAR_CELLS - filled)
        self._moving(f"   {what} [{bar}] {done}/{of}", is_last=done >= of)

    def curve(self, point: CurvePoint, done: int, of: int) -> None:
        """A point of the training curve was measured."""
        parts = [f"step {done}/{of}, epoch {point.epoch:.2f}"]
        if point.train_loss is not None:
            parts.append(f"train loss {point.train_loss:.4f}")
        if point.validation_loss is not None:
            parts.append(f"validation loss {point.validation_loss:.4f}")
        parts += [f"{figure.metric} {figure.value:.3f}" for figure in point.tasks.values()]
        if point.tokens_per_second is not None:
            parts.append(f"{point.tokens_per_second:,.0f} tokens/s")
        if point.memory_bytes is not None:
            parts.append(f"{point.memory_bytes / GIB:.1f} GiB")
        self._pace = Pace.after(self._pace, done, time.monotonic())
        left = self._pace.seconds_left(done, of, time.monotonic())
        if left is not None:
            parts.append(f"{duration(left)} left")
        text = f"   {', '.join(parts)}"
        if point.validation_loss is not None:
            self._line(text)
        else:
            self._moving(text, is_last=done >= of)

    def _line(self, text: str) -> None:
        if self._silent:
            return
        if self._open_line:
            typer.echo("\r\x1b[2K", nl=False, err=True)
            self._open_line = False
        typer.echo(text, err=True)

    def _moving(self, text: str, *, is_last: bool) -> None:
        if self._silent:
            return
        now = time.monotonic()
        if self._lives:
            typer.echo(f"\r\x1b[2K{text}", nl=False, err=True)
            self._open_line = True
        elif is_last or now - self._told_at > QUIET_SECONDS:
            typer.echo(text, err=True)
            self._told_at = now
