"""The baseline that copies: the ideal answer of the most similar training question."""

import time
from collections.abc import Sequence

from luthier.domain.answers import Answer
from luthier.domain.examples import Example
from luthier.domain.money import TokenPrice
from luthier.variants.engines.base import EngineRequest
from luthier.variants.retrieval.documents import Passage
from luthier.variants.retrieval.index import Index


class NearestEngine:
    """Answers each last user message with what was ideal for the training question nearest to it (BM25)."""

    def __init__(self, examples: Sequence[Example], *, price: TokenPrice | None = None) -> None:
        self._ideals = [example.ideal for example in examples]
        self._price = price or TokenPrice()
        self._index = Index.build(
            [Passage(id=str(place), title="", text=example.asked) for place, example in enumerate(examples)]
        )

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        """One copied answer per request; an error where no training question shares a word."""
        return [self._copied(request) for request in requests]

    def _copied(self, request: EngineRequest) -> Answer:
        began = time.perf_counter()
        asked = next((each.content for each in reversed(request.messages) if each.role == "user"), request.text or "")
        found = self._index.search(asked, 1)
        took = time.perf_counter() - began
        if not found:
            return Answer(
                text=None, finish_reason="error", latency_seconds=took, error="no training question shares a word"
            )
        return Answer(text=self._ideals[int(found[0].id)], latency_seconds=took, cost=self._price.of(0, 0))
