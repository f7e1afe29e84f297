"""Passages found by the words of a question, by its meaning, or by both together."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from luthier.domain.digests import digest_of
from luthier.errors import EmptySample
from luthier.text.embeddings import Floats
from luthier.text.languages import function_words, language_of
from luthier.text.tokens import Tokens, tokens_of_texts
from luthier.variants.config import Fusion, RetrievalConfig, Search
from luthier.variants.retrieval.documents import Passage, read_documents
from luthier.variants.retrieval.fusing import by_ranks, by_scores
from luthier.variants.retrieval.kept import Recut, passages_of
from luthier.variants.retrieval.meaning import Encoder, Meanings
from luthier.variants.retrieval.words import Scores, Words, best_of, without

INDEX_VERSION = 2
CANDIDATES = 50
"""How many passages each half puts up for fusion."""
LOOKED_AT = 40
"""Passages from the start that tell the language."""


class Found(NamedTuple):
    """A passage, and its rank in each half; None where that half did not put it up."""

    passage: Passage
    by_words: int | None
    by_meaning: int | None


class Index:
    """An immutable index over passages, in memory; a changed knowledge base gets a new one."""

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        recipe: str = "",
        search: Search = "words",
        fusion: Fusion = "scores",
        meaning_weight: float = 0.2,
        encoder: Encoder | None = None,
    ) -> None:
        """An index over `passages`; `recipe` says how they were cut and encoded and is part of the digest."""
        if not passages:
            raise EmptySample("a search index")
        self.passages = tuple(passages)
        self.recut: Recut | None = None
        self._search, self._fusion, self._meaning_weight = search, fusion, meaning_weight
        told = f"{recipe}; {search}{f', {fusion}, meaning {meaning_weight:g}' if search == 'hybrid' else ''}"
        self.digest = digest_of(
            {"version": INDEX_VERSION, "recipe": told, "passages": [each.digest for each in self.passages]}
        )
        texts = [f"{passage.title}\n{passage.text}" for passage in passages]
        titles = tokens_of_texts([passage.title for passage in passages])
        bodies = tokens_of_texts([passage.text for passage in passages])
        self._common = _common_words(passages)
        self._words = Words(titles, bodies, common=self._common) if search != "meaning" else None
        self._meanings = Meanings(tokens_of_texts(texts), texts, encoder) if search != "words" else None

    @classmethod
    def build(cls, passages: Sequence[Passage], *, recipe: str = "") -> "Index":
        """An index by words alone."""
        return cls(passages, recipe=recipe)

    @classmethod
    def of_folder(
        cls, folder: Path, config: RetrievalConfig, *, encoder: Encoder | None = None, kept: Path | None = None
    ) -> "Index":
        """An index over the documents below `folder`, cut and searched as `config` says.

        Args:
            folder: The knowledge base.
            config: Its section of the project file.
            encoder: What `config.embeddings` opens; None for the word vectors of the package.
            kept: File of passages cut before, so that only changed documents are cut.

        """
        passages, recut = passages_of(read_documents(folder), chunk_characters=config.chunk_characters, kept=kept)
        named = f", vectors of {encoder.name}" if encoder else ""
        index = cls(
            passages,
            recipe=f"{config.chunk_characters} characters{named}",
            search=config.search,
            fusion=config.fusion,
            meaning_weight=config.meaning_weight,
            encoder=encoder,
        )
        index.recut = recut
        return index

    def search(self, text: str, top_k: int) -> list[Passage]:
        """The `top_k` passages that best match `text`, best first; any text is a valid question."""
        return [found.passage for found in self.find(text, top_k)]

    def find(self, text: str, top_k: int) -> list[Found]:
        """The same, each with the ranks that the halves gave it."""
        question, most = tokens_of_texts([text]), max(top_k, CANDIDATES)
        words = self._words.best(question, most) if self._words else {}
        told = without(question, self._common) if self._common else question
        all_meanings = self._meanings.scores(told, text) if self._meanings else np.zeros(0, dtype=np.float32)
        meaning = best_of(all_meanings, most)
        order = self._fused(words, meaning, all_meanings)[:top_k]
        of_words, of_meaning = ({place: rank for rank, place in enumerate(half, 1)} for half in (words, meaning))
        return [Found(self.passages[place], of_words.get(place), of_meaning.get(place)) for place in order]

    def _fused(self, words: Scores, meaning: Scores, all_meanings: Floats) -> list[int]:
        if self._search == "words":
            return list(words)
        if self._search == "meaning":
            return list(meaning)
        if self._fusion == "ranks":
            return by_ranks(list(words), list(meaning), weight=self._meaning_weight)
        told = meaning | {place: float(all_meanings[place]) for place in words}
        return by_scores(words, told, weight=self._meaning_weight)


def _common_words(passages: Sequence[Passage]) -> Tokens | None:
    """The function words of the language that the passages are in, one a row."""
    told = " ".join(passage.text for passage in passages[:LOOKED_AT])
    words = function_words(language_of(told))
    return tokens_of_texts(sorted(words)) if words else None
