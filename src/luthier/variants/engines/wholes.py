"""Tuned models of which every weight changed, served beside the base that they were tuned from."""

from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

from luthier.variants.engines.adapters import check_base
from luthier.variants.engines.base import EngineRequest, Piece
from luthier.variants.engines.loading import LoadedModel, load_model
from luthier.variants.engines.session import Session

Open = Callable[[LoadedModel], Session]


def is_whole(folder: Path) -> bool:
    """Whether a tuned artifact is a model of its own rather than an adapter."""
    return (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()


def load_whole(folder: Path, base_weights: str) -> LoadedModel:
    """The tuned model; AdapterMismatch where its note says that it was tuned from another base.

    It takes as much memory again as the base, and shares no pass with it.
    """
    check_base(folder, base_weights)
    return load_model(folder)


class SessionOfModels:
    """One running batch over the base and the whole models beside it: each model advances its own rows.

    A whole model that was replaced or unloaded finishes the rows that it began.
    """

    def __init__(self, base: Session, wholes: Mapping[str, LoadedModel], open_session: Open) -> None:
        self._base = base
        self._wholes = wholes
        self._open = open_session
        self._sessions: dict[str, list[tuple[LoadedModel, Session]]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, runs or has news."""
        return all(session.is_idle for session in self._all())

    def add(self, request: EngineRequest, *, streams: bool = False, wants_logprobs: bool = False) -> int:
        """The ticket under which news of the request will come; tickets are one series over all models."""
        session, name = self._base, request.adapter
        if name is not None and name in self._wholes:
            session, request = self._session_of(name), request.model_copy(update={"adapter": None})
        return session.add(request, streams=streams, wants_logprobs=wants_logprobs)

    def cancel(self, ticket: int) -> None:
        """Forgets a request; there will be no more news of it."""
        for session in self._all():
            session.cancel(ticket)

    def adapters_in_use(self) -> set[str | None]:
        """The adapters and whole models of every request that waits or runs."""
        busy = {name for name, opened in self._sessions.items() if any(not session.is_idle for _, session in opened)}
        return self._base.adapters_in_use() | busy

    def step(self) -> list[Piece]:
        """News after one more token for every running row of every model."""
        news = [piece for session in self._all() for piece in session.step()]
        self._forget_what_left()
        return news

    def _all(self) -> list[Session]:
        return [self._base, *(session for _, session in chain.from_iterable(self._sessions.values()))]

    def _session_of(self, name: str) -> Session:
        loaded, opened = self._wholes[name], self._sessions.setdefault(name, [])
        found = next((session for model, session in opened if model is loaded), None)
        if found is None:
            found = self._open(loaded)
            opened.append((loaded, found))
        return found

    def _forget_what_left(self) -> None:
        for name, opened in list(self._sessions.items()):
            kept = [pair for pair in opened if pair[0] is self._wholes.get(name) or not pair[1].is_idle]
            self._sessions[name] = kept
            if not kept:
                del self._sessions[name]
