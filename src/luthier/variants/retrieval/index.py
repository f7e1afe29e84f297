"""Passages found by the words they share with a question (BM25)."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import tantivy

from luthier.domain.digests import digest_of
from luthier.errors import EmptySample
from luthier.variants.config import RetrievalConfig
from luthier.variants.retrieval.documents import CUTTING_VERSION, Passage, cut, read_documents

MAX_QUERY_TERMS = 400
MAX_TERM_CHARACTERS = 60
TITLE_BOOST = 2.0
INDEX_VERSION = 1
_WORD = re.compile(r"\w+")


class Index:
    """An immutable index over passages, in memory; rebuilding it is how a knowledge base is updated."""

    def __init__(self, passages: Sequence[Passage], *, recipe: str = "") -> None:
        if not passages:
            raise EmptySample("a search index")
        self.passages = tuple(passages)
        self.digest = digest_of(
            {"version": INDEX_VERSION, "recipe": recipe, "passages": [each.digest for each in self.passages]}
        )
        self._schema = _schema()
        self._index = _filled(self._schema, self.passages)
        self._searcher = self._index.searcher()

    @classmethod
    def build(cls, passages: Sequence[Passage], *, recipe: str = "") -> "Index":
        """An index over `passages`; `recipe` says how they were cut and is part of the digest."""
        return cls(passages, recipe=recipe)

    @classmethod
    def of_folder(cls, folder: Path, config: RetrievalConfig) -> "Index":
        """An index over the documents below `folder`, cut as `config` says."""
        documents = read_documents(folder)
        passages = [each for document in documents for each in cut(document, chunk_characters=config.chunk_characters)]
        return cls(passages, recipe=f"cut {CUTTING_VERSION}, {config.chunk_characters} characters")

    def search(self, text: str, top_k: int) -> list[Passage]:
        """The `top_k` passages that best match the words of `text`, best first; any text is a valid query."""
        wanted = list(dict.fromkeys(_terms(text)))[:MAX_QUERY_TERMS]
        if not wanted:
            return []
        hits = self._searcher.search(self._query(wanted), limit=top_k, count=False).hits
        return [self.passages[self._searcher.doc(address)["place"][0]] for _, address in hits]

    def _query(self, wanted: Sequence[str]) -> tantivy.Query:
        clauses = []
        for term in wanted:
            in_text = tantivy.Query.term_query(self._schema, "text", term)
            in_title = tantivy.Query.term_query(self._schema, "title", term)
            boosted = tantivy.Query.boost_query(in_title, TITLE_BOOST)
            clauses += [(tantivy.Occur.Should, in_text), (tantivy.Occur.Should, boosted)]
        return tantivy.Query.boolean_query(clauses)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("title", tokenizer_name="whitespace")
    builder.add_text_field("text", tokenizer_name="whitespace")
    builder.add_unsigned_field("place", stored=True)
    return builder.build()


def _filled(schema: tantivy.Schema, passages: Sequence[Passage]) -> tantivy.Index:
    index = tantivy.Index(schema)
    writer = index.writer(heap_size=50_000_000, num_threads=1)  # one thread: one segment, so ties keep their order
    for place, passage in enumerate(passages):
        title, text = " ".join(_terms(passage.title)), " ".join(_terms(passage.text))
        writer.add_document(tantivy.Document(title=title, text=text, place=place))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return index


def _terms(text: str) -> Iterator[str]:
    """Folded words and pairs of neighbours, so that a name of two words outweighs its parts."""
    words = [word[:MAX_TERM_CHARACTERS] for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold())]
    yield from words
    yield from (f"{left}_{right}" for left, right in pairwise(words))
