"""Passages by what they mean: what their words mean around the mean of all passages, and which stems they hold.

Means of word vectors alone find little: names and terms that no list knows are what questions are about. The sketch of
stems (`text.embeddings`) counts those too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from luthier.text.embeddings import Counts, Floats, unit, vectors_of
from luthier.text.encoding import Encode
from luthier.text.tokens import Tokens

WORD_VECTORS_SHARE, ENCODER_SHARE = 0.3, 0.5
"""What meanings count beside the sketch. The first was chosen on questions of medquad; no encoder was measured."""


class Encoder(NamedTuple):
    """One encoder in two roles: what it says of passages may be remembered, what is asked is not."""

    passages: Encode
    questions: Encode
    name: str


class Meanings:
    """Vectors of all passages, from the package's word vectors or from an encoder, each beside a sketch of stems."""

    def __init__(self, tokens: Tokens, texts: Sequence[str], encoder: Encoder | None = None) -> None:
        """With an encoder, its vectors; else means of word vectors, weighed by how rare a word is in these passages."""
        self._encoder = encoder
        self._share = ENCODER_SHARE if encoder else WORD_VECTORS_SHARE
        self._counts = Counts.of([tokens])
        meanings, sketches = vectors_of(tokens, self._counts)
        found = unit(encoder.passages(texts)) if encoder else meanings
        self._center = found.mean(axis=0)
        self._vectors = self._line(found, sketches)

    def scores(self, question: Tokens, text: str) -> Floats:
        """The cosine of every passage with the question; 0 for all where nothing of the text is known."""
        meanings, sketches = vectors_of(question, self._counts)
        asked = unit(self._encoder.questions([text])) if self._encoder else meanings
        found: Floats = self._vectors @ self._line(asked, sketches)[0]
        return found

    def _line(self, meanings: Floats, sketches: Floats) -> Floats:
        """Meanings less the mean of all passages beside sketches; a half of which nothing is known stays empty."""
        known = np.any(meanings, axis=1, keepdims=True)
        around = unit(np.where(known, meanings - self._center, 0).astype(np.float32))
        both: Floats = np.hstack([around * self._share**0.5, sketches * (1 - self._share) ** 0.5]).astype(np.float32)
        return both
