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
from luthier.errors import LuthierError
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


Told = Callable[[int, Answer], None]
"""Hears each answer with its place as soon as it is there, from any thread."""


@runtime_checkable
class TellsAnswers(Protocol):
    """An engine whose answers come one by one: what came before it was killed need not be paid for again."""

    is_telling: bool

    def answer(self, requests: Sequence[EngineRequest], told: Told | None = None) -> list[Answer]:
        """One answer per request, each told as it comes."""
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
class Piece:
    """News of one request: text that is new when it streams, and its answer once it is finished."""

    ticket: int
    text: str = ""
    answer: Answer | None = None
    fault: LuthierError | None = None
    """Why the request was refused, where it was."""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()


class RunningBatch(Protocol):
    """A batch that requests join and leave between two tokens; one thread at a time."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, runs or has news."""
        ...

    def add(self, request: EngineRequest, *, streams: bool = False, wants_logprobs: bool = False) -> int:
        """The ticket under which news of the request will come."""
        ...

    def cancel(self, ticket: int) -> None:
        """Forgets a request."""
        ...

    def adapters_in_use(self) -> set[str | None]:
        """The adapters of every request that waits or runs."""
        ...

    def step(self) -> list[Piece]:
        """News after one more token."""
        ...


class SteppedEngine(Engine, Protocol):
    """An engine that can be served: its batch moves a token at a time, and adapters come and go."""

    @property
    def context_tokens(self) -> int:
        """Longest prompt and answer together."""
        ...

    @property
    def adapters(self) -> list[str]:
        """Names of the adapters loaded."""
        ...

    def session(self) -> RunningBatch:
        """A fresh running batch."""
        ...

    def add_adapter(self, name: str, folder: Path) -> None:
        """Loads a PEFT folder under `name`."""
        ...

    def remove_adapter(self, name: str) -> None:
        """Unloads an adapter."""
        ...

    def token_text(self, token_id: int) -> str:
        """The text of one token."""
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
