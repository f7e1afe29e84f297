"""A model in this process: batched, with its adapters side by side."""

from collections.abc import Sequence
from pathlib import Path

from luthier.domain.answers import Answer
from luthier.domain.money import TokenPrice
from luthier.variants.engines.adapters import AdapterRack
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.loading import LoadedModel, load_model
from luthier.variants.engines.session import Session


class LocalEngine:
    """Answers from one model on this machine; one thread at a time."""

    def __init__(self, loaded: LoadedModel, *, batch_size: int = 32, price: TokenPrice = TokenPrice()) -> None:  # noqa: B008  (frozen)
        self._loaded = loaded
        self._rack = AdapterRack(loaded.model, loaded.weights)
        self._batch_size = batch_size
        self._price = price

    @classmethod
    def load(
        cls, folder: Path, *, threads: int | None = None, batch_size: int = 32, price: TokenPrice | None = None
    ) -> "LocalEngine":
        """The engine of the model in `folder`; UnsafeModel when opening it would run code."""
        return cls(load_model(folder, threads=threads), batch_size=batch_size, price=price or TokenPrice())

    @property
    def weights(self) -> str:
        """SHA-256 of the base model's weight files."""
        return self._loaded.weights

    @property
    def context_tokens(self) -> int:
        """Longest prompt and answer together."""
        return self._loaded.context_tokens

    @property
    def adapters(self) -> list[str]:
        """Names of the adapters loaded."""
        return self._rack.names

    def add_adapter(self, name: str, folder: Path) -> None:
        """Loads a PEFT folder under `name`, in place of one that had it."""
        self._rack.add(name, folder)

    def remove_adapter(self, name: str) -> None:
        """Unloads an adapter."""
        self._rack.remove(name)

    def session(self) -> Session:
        """A fresh running batch on this model."""
        return Session(self._loaded, self._rack, most_rows=self._batch_size, price=self._price)

    def token_text(self, token_id: int) -> str:
        """The text of one token."""
        return str(self._loaded.tokenizer.decode([token_id]))

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        """One answer per request, in their order; the longest prompts are read first, neighbours in length together."""
        session = self.session()
        order = sorted(range(len(requests)), key=lambda place: _sort_key(requests[place]))
        places = {session.add(requests[place]): place for place in order}
        found: dict[int, Answer] = {}
        while not session.is_idle:
            found |= {places[piece.ticket]: piece.answer for piece in session.step() if piece.answer is not None}
        return [found[place] for place in range(len(requests))]


def _sort_key(request: EngineRequest) -> tuple[str, int]:
    """Rows of one adapter together, since a mixed batch costs more, then the longest first."""
    return request.adapter or "", -len(request.text or "") - sum(len(each.content) for each in request.messages)
