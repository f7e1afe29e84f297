"""A model in this process: batched, with its adapters side by side and whole tuned models beside them."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from luthier.domain.answers import Answer
from luthier.domain.money import TokenPrice
from luthier.variants.engines.adapters import AdapterRack
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.loading import LoadedModel, load_model
from luthier.variants.engines.session import Session
from luthier.variants.engines.wholes import SessionOfModels, is_whole, load_whole


class LocalEngine:
    """Answers from one model on this machine; one thread at a time."""

    def __init__(self, loaded: LoadedModel, *, batch_size: int = 32, price: TokenPrice = TokenPrice()) -> None:  # noqa: B008  (frozen)
        self._loaded = loaded
        self._rack = AdapterRack(loaded.model, loaded.weights)
        self._wholes: dict[str, LoadedModel] = {}
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
        """Names of the adapters and whole tuned models loaded."""
        return sorted([*self._rack.names, *self._wholes])

    def add_adapter(self, name: str, folder: Path) -> None:
        """Loads a PEFT folder, or a tuned model of its own, under `name`, in place of what had it."""
        if is_whole(folder):
            self._wholes[name] = load_whole(folder, self._loaded.weights)
            if name in self._rack.names:
                self._rack.remove(name)
        else:
            self._rack.add(name, folder)
            self._wholes.pop(name, None)

    def remove_adapter(self, name: str) -> None:
        """Unloads an adapter or a whole tuned model."""
        if self._wholes.pop(name, None) is None:
            self._rack.remove(name)

    def session(self) -> SessionOfModels:
        """A fresh running batch on this model and on those tuned from it."""
        tickets = count(1)

        def opened(loaded: LoadedModel) -> Session:
            return self._session(loaded, AdapterRack(loaded.model, loaded.weights), tickets)

        return SessionOfModels(self._session(self._loaded, self._rack, tickets), self._wholes, opened)

    def _session(self, loaded: LoadedModel, rack: AdapterRack, tickets: Iterator[int]) -> Session:
        return Session(loaded, rack, most_rows=self._batch_size, price=self._price, tickets=tickets)

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
