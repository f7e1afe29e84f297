"""What all rows have in common, as a file that tasks read: how rare words and answers are, a sample of questions."""

from pathlib import Path

import numpy as np
import orjson

from luthier.data.plan.files import written
from luthier.data.plan.judging import counts_in
from luthier.domain.digests import digest_of_bytes
from luthier.text.similarity import Corpus


def write_corpus(folder: Path, corpus: Corpus) -> Path:
    """The file of a corpus, named by what it holds."""
    counts, sampled = corpus.counts, orjson.dumps(corpus.sampled)
    held = b"".join([counts.words.data, counts.stems.data, corpus.answers.data, sampled])
    target = folder / f"corpus-{digest_of_bytes(held)[:32]}.npz"
    with written(target) as temporary, temporary.open("wb") as sink:
        np.savez(
            sink,
            words=counts.words,
            stems=counts.stems,
            rows=np.array(counts.rows),
            answers=corpus.answers,
            sampled=np.frombuffer(sampled, dtype=np.uint8),
        )
    return target


def corpus_of(file: Path) -> Corpus:
    """The corpus in the file, complete: rows added to it would not be sampled."""
    with np.load(file) as kept:
        answers, sampled = kept["answers"], orjson.loads(kept["sampled"].tobytes())
    return Corpus(counts_in(file), answers, sampled)
