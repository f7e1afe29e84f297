"""Work in progress on a terminal: a living line where there is one, plain lines anywhere else."""

import sys
import time

import typer

from luthier.domain.runs import CurvePoint

QUIET_SECONDS = 5.0
BAR_CELLS = 24


class TerminalVoice:
    """Tells links, facts and progress; on no terminal, progress at most every few seconds."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._lives = sys.stderr.isatty()
        self._told_at = 0.0
        self._open_line = False

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
        if point.tokens_per_second is not None:
            parts.append(f"{point.tokens_per_second:,.0f} tokens/s")
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
