"""A run handed to other processes: everything that it is made of, and what they say of it, as files."""

from pathlib import Path
from typing import Self

from pydantic import Field

from luthier import errors
from luthier.domain.runs import CurvePoint
from luthier.domain.value import Value
from luthier.errors import EngineFault, LuthierError
from luthier.train.config import TrainConfig
from luthier.train.types import BaseModel, Row


class Folder(Value):
    """A base model by where it lies."""

    folder: Path
    weights: str
    id: str

    @classmethod
    def of(cls, base: BaseModel) -> Self:
        """The same as a value."""
        return cls(folder=base.folder, weights=base.weights, id=base.id)

    def value(self) -> BaseModel:
        """The same as training wants it."""
        return BaseModel(self.folder, self.weights, self.id)


class Errand(Value):
    """One run; paths must be seen by every machine that works on it."""

    config: TrainConfig
    base: Folder
    teacher: Folder | None
    seed: int
    states: Path | None
    target: Path
    processes_here: int
    parent: int | None = Field(description="The process that waits on this machine; None where workers are elsewhere.")
    train: tuple[Row, ...]
    validation: tuple[Row, ...]


class News(Value):
    """A curve point as it was measured."""

    point: CurvePoint
    done: int
    of: int


class Fault(Value):
    """An error of ours that crosses a process border."""

    kind: str
    message: str
    hint: str

    @classmethod
    def of(cls, fault: LuthierError) -> Self:
        """The error as a value."""
        return cls(kind=type(fault).__name__, message=fault.message, hint=fault.hint)

    def error(self) -> LuthierError:
        """The error as it was, or as an engine's where its kind takes more than a message."""
        kind = getattr(errors, self.kind, EngineFault)
        is_plain = isinstance(kind, type) and issubclass(kind, LuthierError) and "__init__" not in vars(kind)
        return (kind if is_plain else EngineFault)(self.message, hint=self.hint)
