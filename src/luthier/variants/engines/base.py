"""What every engine is, and the registry they are chosen from; importing this loads no model library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import Field, SecretStr

from luthier.domain.answers import Answer
from luthier.domain.examples import Example, Message
from luthier.domain.value import Value
from luthier.domain.variants import Decoding
from luthier.registry import Registry
from luthier.variants.config import ModelConfig


class EngineRequest(Value):
    """What an engine is asked: rendered messages, an adapter or none, and how to draw the answer."""

    messages: tuple[Message, ...] = ()
    text: str | None = Field(default=None, description="A raw prompt, completed in place of `messages`.")
    adapter: str | None = Field(default=None, description="A name given to `add_adapter`.")
    decoding: Decoding = Decoding()


class Engine(Protocol):
    """Answers in the order of the requests; a request that cannot be answered yields an Answer with `error`."""

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        """One answer per request."""
        ...


@runtime_checkable
class HoldsAdapters(Protocol):
    """An engine in this process that serves several adapters of one base."""

    @property
    def adapters(self) -> list[str]:
        """Names of the adapters loaded."""
        ...

    def add_adapter(self, name: str, folder: Path) -> None:
        """Loads a PEFT folder under `name`."""
        ...


@dataclass(frozen=True)
class EngineSetup:
    """What an engine may need besides its model section; the key is never shown."""

    root: Path = Path()
    """Folder that relative model paths start from."""
    api_key: SecretStr | None = None
    retry_seed: int = 0
    examples: Sequence[Example] = field(default=(), repr=False)
    """Training examples, for the engine that copies the nearest."""


EngineFactory = Callable[[ModelConfig, EngineSetup], Engine]
engines: Registry[EngineFactory] = Registry("engine")
