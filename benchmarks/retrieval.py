"""Passages found for labelled questions: Luthier's two halves and their fusion beside bm25s and tantivy, same passages.

    python benchmarks/retrieval.py [--set medquad|basecamp] [--questions N] [--answers N] [--data ../shared/data]

medquad: the questions of NIH's pages; right is the answer that stands below the question there (equal answers are one,
equal questions share their answers). basecamp: `retrieval_questions.tsv`, written by reading the policies before any
engine was run. Every engine gets the passages that Luthier cuts, titles included, and ranks at most 50. Figures come
with 95% intervals over questions, and differences from the fusion with paired bootstrap intervals. Peers keep their
defaults.
"""

import argparse
import gzip
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import bm25s
import numpy as np
import tantivy
from measuring import keep

from luthier.domain.compare import paired_difference
from luthier.domain.measure import Measurement
from luthier.variants.retrieval.cutting import cut
from luthier.variants.retrieval.documents import Document, Passage, read_documents
from luthier.variants.retrieval.index import CANDIDATES, Index
from luthier.variants.retrieval.labels import Labelled, measure_search

Find = Callable[[str, int], Sequence[Passage]]
HERE = Path(__file__).resolve().parent
CHUNK = 600
DEV = 1_500
"""Questions of medquad, in a fixed mixed order, on which settings were chosen; none of them is asked here."""


def main() -> None:
    """Measure every engine on one set and keep the figures in results/."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", choices=["medquad", "basecamp"], default="basecamp")
    asked.add_argument("--questions", type=int, default=1_000, help="Questions of medquad.")
    asked.add_argument("--answers", type=int, default=20_000, help="At most so many of medquad's answers.")
    asked.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    options = asked.parse_args()
    if options.set == "medquad":
        passages, labels = medquad(options.data, options.questions, options.answers)
    else:
        passages, labels = basecamp(options.data)
    print(f"{options.set}: {len(passages)} passages, {len(labels)} questions", flush=True)
    found = {name: measured(name, build, passages, labels) for name, build in ENGINES.items()}
    differences = list(against("luthier", found))
    for each in differences:
        print(json.dumps(each), flush=True)
    told = [{key: value for key, value in one.items() if key != "scores"} for one in found.values()]
    keep(f"retrieval_{options.set}", {"passages": len(passages), "engines": told, "differences": differences})


def medquad(data: Path, questions: int, answers: int) -> tuple[list[Passage], list[Labelled]]:
    """Answers cut into passages, and questions that were not used to choose settings."""
    with gzip.open(data / "medquad" / "qa.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    names, of_question = dict[str, str](), dict[str, set[str]]()
    for row in rows:
        name = names.setdefault(row["answer"], f"{len(names):05d}.txt")
        of_question.setdefault(row["question"].strip(), set()).add(name)
    order = sorted(of_question)
    random.Random(1).shuffle(order)  # a benchmark's order, not a secret
    held = set(random.Random(3).sample(sorted(names.values()), min(answers, len(names))))
    chosen = [question for question in order[DEV:] if of_question[question] <= held][:questions]
    passages = [
        passage
        for text, name in names.items()
        if name in held
        for passage in cut(Document(id=name, text=text), chunk_characters=CHUNK)
    ]
    untitled = [passage.model_copy(update={"title": ""}) for passage in passages]  # the file's number tells nothing
    return untitled, [Labelled(question=each, documents=tuple(sorted(of_question[each]))) for each in chosen]


def basecamp(data: Path) -> tuple[list[Passage], list[Labelled]]:
    """The policies as passages, and questions with quotes of their answers."""
    documents = read_documents(data / "basecamp_policies")
    lines = (HERE / "retrieval_questions.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    labels = [
        Labelled(question=question, documents=tuple(files.split("|")), quotes=tuple(quotes.split("|")))
        for question, files, quotes in rows
    ]
    return [passage for each in documents for passage in cut(each, chunk_characters=CHUNK)], labels


def luthier(passages: Sequence[Passage]) -> Find:
    """Both halves, fused, as a knowledge base is searched by default."""
    return Index(passages, search="hybrid").search


def luthier_words(passages: Sequence[Passage]) -> Find:
    """Luthier's BM25 alone."""
    return Index(passages, search="words").search


def luthier_meaning(passages: Sequence[Passage]) -> Find:
    """Luthier's vectors alone."""
    return Index(passages, search="meaning").search


def by_bm25s(passages: Sequence[Passage]) -> Find:
    """bm25s with its own tokeniser and English stop words."""
    index = bm25s.BM25()
    index.index(bm25s.tokenize(_texts(passages), stopwords="en", show_progress=False), show_progress=False)

    def find(question: str, count: int) -> Sequence[Passage]:
        words = bm25s.tokenize(question, stopwords="en", show_progress=False)
        places, scores = index.retrieve(words, k=min(count, len(passages)), show_progress=False)
        return [passages[place] for place, score in zip(places[0], scores[0], strict=True) if score > 0]

    return find


def by_tantivy(passages: Sequence[Passage]) -> Find:
    """Tantivy with its English stemmer, one field."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="en_stem")
    builder.add_unsigned_field("place", stored=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(heap_size=50_000_000, num_threads=1)
    for place, text in enumerate(_texts(passages)):
        writer.add_document(tantivy.Document(text=text, place=place))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def find(question: str, count: int) -> Sequence[Passage]:
        plain = "".join(letter if letter.isalnum() else " " for letter in question)
        hits = searcher.search(index.parse_query(plain, ["text"]), limit=count, count=False).hits
        return [passages[searcher.doc(address)["place"][0]] for _, address in hits]

    return find


ENGINES = {
    "luthier": luthier, "luthier_words": luthier_words, "luthier_meaning": luthier_meaning,
    "bm25s": by_bm25s, "tantivy": by_tantivy,
}  # fmt: skip


def measured(
    name: str, build: Callable[[Sequence[Passage]], Find], passages: Sequence[Passage], labels: Sequence[Labelled]
) -> dict[str, object]:
    """Figures with intervals, the scores of every question, and what indexing and searching took."""
    began = time.process_time()
    find = build(passages)
    indexing = time.process_time() - began
    find("warm up", CANDIDATES)
    began, wall = time.process_time(), time.perf_counter()
    for label in labels:
        find(label.question, CANDIDATES)
    processor, wall = time.process_time() - began, time.perf_counter() - wall
    overall, asked, unanswerable = measure_search(passages, find, labels)
    told = {
        "engine": name,
        **{metric: _told(figure) for metric, figure in overall.items()},
        "questions": len(asked), "bad_labels": len(unanswerable),
        "index_processor_seconds": round(indexing, 2),
        "questions_per_processor_second": round(len(labels) / processor),
        "questions_per_second": round(len(labels) / wall), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    print(json.dumps(told), flush=True)
    return {**told, "scores": {metric: [each.scores[metric] for each in asked] for metric in overall}}


def against(ours: str, found: Mapping[str, Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """How much `ours` gains on every other engine, question by question."""
    for name, other in found.items():
        for metric in ("recall@5", "ndcg@10"):
            if name == ours:
                continue
            scores = [one["scores"][metric] for one in (found[ours], other)]  # type: ignore[index]  # a dict of lists
            gap = paired_difference(metric, ours, name, *scores, seed=0)
            yield {"metric": metric, "against": name, "gain": _rounded(gap.difference), "low": _rounded(gap.low),
                   "high": _rounded(gap.high), "p": _rounded(gap.p_value)}  # fmt: skip


def _texts(passages: Sequence[Passage]) -> list[str]:
    return [f"{passage.title}\n{passage.text}" for passage in passages]


def _told(figure: Measurement) -> list[float]:
    return [_rounded(figure.value), _rounded(figure.low), _rounded(figure.high)]


def _rounded(value: float) -> float:
    return float(np.round(value, 4))


if __name__ == "__main__":
    main()
