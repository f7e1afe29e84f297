"""Questions whose answer is known to stand in a document, and how often a search finds it.

A file of labels holds one JSON object a line: `question`; `documents`, the paths that answer it; and `quotes`, words
of the answer. A passage is right when it is of one of the documents and holds one of the quotes. Quotes outlive
another way of cutting, which ids of passages would not. Without quotes the documents are what is found: each counts
once, at the rank of its first passage.

Source of the gain and its discount: Jarvelin & Kekalainen, Cumulated Gain-Based Evaluation of IR Techniques (2002).
"""

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import orjson
from pydantic import Field, ValidationError

from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.errors import EmptySample, Faults, UserError
from luthier.variants.retrieval.documents import Passage

PASSAGES_PER_DOCUMENT = 5
"""How many passages are looked at for every document that is ranked."""


class Labelled(Value):
    """A question, and where its answer stands."""

    question: str = Field(min_length=1)
    documents: tuple[str, ...] = Field(min_length=1, description="Paths below the knowledge base's folder.")
    quotes: tuple[str, ...] = Field(default=(), description="Words of the answer; spacing does not matter.")

    def answered_by(self, passage: Passage) -> bool:
        """Whether the passage holds the answer."""
        if passage.document not in self.documents:
            return False
        text = " ".join(passage.text.split())
        return not self.quotes or any(" ".join(quote.split()) in text for quote in self.quotes)

    def name_of(self, passage: Passage) -> str:
        """What counts once: the passage, or its document where no quotes are given."""
        return passage.id if self.quotes else passage.document


class Asked(Value):
    """What one question scored, and the first rank at which its answer stood; None where it was not found."""

    question: str
    scores: dict[str, float]
    rank: int | None


class SearchReport(Value):
    """How well a knowledge base is searched, with intervals over its questions."""

    kb: str
    search: str
    index: str = Field(description="Digest of the passages and of how they are searched.")
    overall: dict[str, Measurement]
    asked: tuple[Asked, ...]
    unanswerable: tuple[str, ...] = Field(description="Questions of which no passage holds the answer: bad labels.")


def read_labels(file: Path) -> tuple[Labelled, ...]:
    """The labelled questions of a file; Faults name every bad line."""
    found, faults = list[Labelled](), list[str]()
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(Labelled.model_validate(orjson.loads(line)))
        except (orjson.JSONDecodeError, ValidationError) as fault:
            first = fault.errors()[0]["msg"] if isinstance(fault, ValidationError) else str(fault)
            faults.append(f"line {number}: {first}")
    if faults:
        raise Faults(
            str(file), faults, hint='write {"question": ..., "documents": [...], "quotes": [...]} on each line'
        )
    if not found:
        raise EmptySample(f"the labels in {str(file)!r}")
    return tuple(found)


def recall_at(ranked: Sequence[str], right: Collection[str], k: int) -> float:
    """The share of what is right that the first k hold, of as many as k can hold."""
    _needs_right(right)
    return len(set(ranked[:k]) & set(right)) / min(k, len(right))


def ndcg_at(ranked: Sequence[str], right: Collection[str], k: int) -> float:
    """The discounted gain of the first k over that of the best order, each right passage gaining 1."""
    _needs_right(right)
    gain = sum(_discount(rank) for rank, name in enumerate(ranked[:k], 1) if name in right)
    return gain / sum(_discount(rank) for rank in range(1, min(k, len(right)) + 1))


def measure_search(
    passages: Sequence[Passage],
    find: Callable[[str, int], Sequence[Passage]],
    labels: Sequence[Labelled],
    *,
    recall_k: int = 5,
    ndcg_k: int = 10,
) -> tuple[dict[str, Measurement], tuple[Asked, ...], tuple[str, ...]]:
    """Mean recall@k, nDCG@k and the share of questions answered within k, the questions' scores, and bad labels.

    A question whose answer stands in several passages (a fact told twice, a quote in two places) is answered by any.
    """
    asked, unanswerable = list[Asked](), list[str]()
    most = max(recall_k, ndcg_k)
    for label in labels:
        right = {label.name_of(passage) for passage in passages if label.answered_by(passage)}
        if not right:
            unanswerable.append(label.question)
            continue
        asked_for = most if label.quotes else most * PASSAGES_PER_DOCUMENT
        ranked = list(dict.fromkeys(label.name_of(passage) for passage in find(label.question, asked_for)))
        rank = next((place for place, name in enumerate(ranked, 1) if name in right), None)
        scores = {
            f"recall@{recall_k}": recall_at(ranked, right, recall_k),
            f"ndcg@{ndcg_k}": ndcg_at(ranked, right, ndcg_k),
            f"answered@{recall_k}": float(rank is not None and rank <= recall_k),
        }
        asked.append(Asked(question=label.question, scores=scores, rank=rank))
    if not asked:
        raise UserError("no label names words that stand in the knowledge base", hint="check `documents` and `quotes`")
    return _overall(asked), tuple(asked), tuple(unanswerable)


def _overall(asked: Sequence[Asked]) -> dict[str, Measurement]:
    found = {}
    for name in asked[0].scores:
        values = [each.scores[name] for each in asked]
        if name.startswith("answered"):
            found[name] = Measurement.of_proportion(name, int(sum(values)), n=len(values))
        else:
            found[name] = Measurement.of_mean(name, values, bounds=(0.0, 1.0))
    return found


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def _needs_right(right: Collection[str]) -> None:
    if not right:
        raise EmptySample("the passages that answer a question")
