"""Word vectors from the texts that the base model reads: counted neighbours, weighed, and folded into few dimensions.

Source: Levy, Goldberg and Dagan, Improving Distributional Similarity with Lessons Learned from Word Embeddings (2015):
positive pointwise mutual information with smoothed contexts, singular vectors weighed by the root of their values.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from luthier.text.normalise import words

Floats = NDArray[np.float32]
WINDOW, LEAST, SMOOTH, SHIFT = 4, 6, 0.75, 1.0
CHUNK = 1_000_000
COUNTS_AS = (1, 4)
"""What old and modern texts count: ours are a fifth of the words and the better part of the use."""


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSON Lines file, gzipped or not."""
    raw = path.read_bytes()
    for line in (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines():
        yield json.loads(line)


def old_texts(data: Path) -> Iterator[str]:
    """Public-domain books."""
    for book in read_jsonl(data / "books" / "books.jsonl.gz"):
        yield book["text"].replace("__", "")


def modern_texts(data: Path) -> Iterator[str]:
    """Support dialogues with an even id, medical questions and answers, instructions, school maths, handbooks."""
    for dialogue in read_jsonl(data / "star" / "dialogues.jsonl.gz"):
        if dialogue["DialogueID"] % 2 == 0:
            yield "\n".join(e["Text"] for e in dialogue["Events"] if e["Action"] in {"utter", "pick_suggestion"})
    for row in read_jsonl(data / "medquad" / "qa.jsonl.gz"):
        yield f"{row['question']}\n{row['answer'] or ''}"
    for name in ("seed_tasks.jsonl", "user_oriented_instructions.jsonl"):
        for row in read_jsonl(data / "self_instruct" / name):
            yield "\n".join([row["instruction"], *(f"{case['input']}\n{case['output']}" for case in row["instances"])])
    for row in read_jsonl(data / "gsm8k" / "train.jsonl"):
        yield re.sub(r"<<.*?>>", "", f"{row['question']}\n{row['answer']}")
    for folder in ("handbook_18f/pages", "basecamp_policies"):
        for page in sorted((data / folder).rglob("*.md")):
            yield re.sub(r"\A---.*?---\s*", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def sentences(text: str) -> Iterator[list[str]]:
    """The words of each sentence, figures as one word."""
    for piece in re.split(r"(?<=[.!?])\s+|\n{2,}", text):
        found = [re.sub(r".*\d.*", "0", word.replace("\u2019", "'")) for word in words(piece)]
        if len(found) > 1:
            yield found


def neighbours(data: Path) -> tuple[list[str], sparse.csr_matrix]:
    """The vocabulary, most frequent first, and how often its words stand near each other."""
    texts = [
        [s for text in old_texts(data) for s in sentences(text)],
        [s for t in modern_texts(data) for s in sentences(t)],
    ]
    seen: Counter[str] = Counter()
    for part, weight in zip(texts, COUNTS_AS, strict=True):
        for sentence in part:
            for word in sentence:
                seen[word] += weight
    vocabulary = [word for word, count in seen.most_common() if count >= LEAST]
    place = {word: number for number, word in enumerate(vocabulary)}
    total = sparse.csr_matrix((len(vocabulary), len(vocabulary)), dtype=np.float32)
    for part, weight in zip(texts, COUNTS_AS, strict=True):
        ids = np.array([n for s in part for n in (*(place.get(w, -1) for w in s), *[-2] * WINDOW)], dtype=np.int32)
        for start in range(0, len(ids), CHUNK):
            total = total + weight * _pairs(ids[start : start + CHUNK + WINDOW], len(vocabulary))
    return vocabulary, (total + total.T).tocsr()


def _pairs(ids: NDArray[np.int32], size: int) -> sparse.csr_matrix:
    """Words up to WINDOW apart, nearer ones counted more."""
    found = sparse.csr_matrix((size, size), dtype=np.float32)
    for step in range(1, WINDOW + 1):
        one, other = ids[:-step], ids[step:]
        both = (one >= 0) & (other >= 0)
        told = np.full(int(both.sum()), 1 / step, dtype=np.float32)
        found = found + sparse.coo_matrix((told, (one[both], other[both])), shape=(size, size)).tocsr()
    return found


def folded(counts: sparse.csr_matrix, dimensions: int, seed: int) -> Floats:
    """One vector of length 1 per word, from the positive mutual information of words and their neighbours."""
    rows = np.asarray(counts.sum(axis=1)).ravel()
    contexts = rows**SMOOTH / (rows**SMOOTH).sum()
    found = counts.tocoo()
    told = np.log(found.data / (rows[found.row] * contexts[found.col])) - np.log(SHIFT)
    keep = told > 0
    weighed = sparse.csr_matrix((told[keep].astype(np.float32), (found.row[keep], found.col[keep])), shape=counts.shape)
    left, values, _ = randomized_svd(weighed, dimensions, n_iter=4, random_state=seed)
    return unit((left * np.sqrt(values)).astype(np.float32))


def unit(vectors: Floats) -> Floats:
    """Every line brought to length 1; empty lines stay empty."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: Floats = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return result


def most_like(word: str, vocabulary: Sequence[str], vectors: Floats, count: int = 8) -> list[str]:
    """The nearest words, for a look at what was learned."""
    near = vectors @ vectors[list(vocabulary).index(word)]
    return [vocabulary[n] for n in np.argsort(-near)[1 : count + 1]]
