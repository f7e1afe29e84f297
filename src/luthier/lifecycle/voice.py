"""How work in progress is told to whoever watches."""

from typing import Protocol

from luthier.domain.runs import CurvePoint


class Voice(Protocol):
    """A listener: a terminal, a log, or nobody."""

    def link(self, name: str) -> None:
        """A link of the chain begins."""
        ...

    def say(self, text: str) -> None:
        """One finished fact."""
        ...

    def progress(self, what: str, done: int, of: int) -> None:
        """`done` of `of` pieces of `what` are finished."""
        ...

    def curve(self, point: CurvePoint, done: int, of: int) -> None:
        """A point of the training curve was measured."""
        ...


class Silence:
    """Nobody listens."""

    def link(self, name: str) -> None:
        """Ignored."""

    def say(self, text: str) -> None:
        """Ignored."""

    def progress(self, what: str, done: int, of: int) -> None:
        """Ignored."""

    def curve(self, point: CurvePoint, done: int, of: int) -> None:
        """Ignored."""
