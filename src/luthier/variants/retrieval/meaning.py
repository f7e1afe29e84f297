"""Passages by what they mean: vectors around the mean of all passages, compared by their cosine."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from luthier.text.embeddings import Counts, Floats, unit, vectors_of
from luthier.text.encoding import Encode
from luthier.text.tokens import Tokens


class Encoder(NamedTuple):
    """One encoder in two roles: what it says of passages may be remembered, what is asked is not."""

    passages: Encode
    questions: Encode
    name: str


class Meanings:
    """Vectors of all passages, from the package's word vectors or from an encoder."""

    def __init__(self, tokens: Tokens, texts: Sequence[str], encoder: Encoder | None = None) -> None:
        """With an encoder, its vectors; else means of word vectors, weighed by how rare a word is in these passages."""
        self._encoder = encoder
        self._counts = Counts.of([tokens])
        found = unit(encoder.passages(texts)) if encoder else vectors_of(tokens, self._counts)[0]
        self._center = found.mean(axis=0)
        self._vectors = self._around(found)

    def scores(self, question: Tokens, text: str) -> Floats:
        """The cosine of every passage with the question; 0 for all where nothing of the text is known."""
        asked = unit(self._encoder.questions([text])) if self._encoder else vectors_of(question, self._counts)[0]
        found: Floats = self._vectors @ self._around(asked)[0]
        return found

    def _around(self, vectors: Floats) -> Floats:
        """The vectors less the mean of all passages; those of which nothing is known stay empty."""
        known = np.any(vectors, axis=1, keepdims=True)
        around: Floats = unit(np.where(known, vectors - self._center, 0).astype(np.float32))
        return around
