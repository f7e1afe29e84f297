"""Paraphrases stand out from their neighbours; rows of one template do not."""

from random import Random

import numpy as np
import pyarrow as pa

from luthier.text.similarity import SAMPLE, Corpus, Shortlist, Space, with_contrast
from luthier.text.tokens import tokens_of

NAMES = ["Alder", "Birch", "Cedar", "Dover", "Ember", "Fairway", "Granite", "Harbour", "Ivory", "Juniper"]
TRADES = ["Foods", "Glass", "Paper", "Tools", "Motors", "Hotels", "Farms", "Labs", "Travel", "Schools"]
FIRMS = [f"{name} {trade}" for name in NAMES for trade in TRADES]


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def corpus_of(texts: list[str], answers: np.ndarray) -> Corpus:
    corpus = Corpus.empty()
    corpus.add(column(texts), answers)
    return corpus


def test_a_copy_stands_out_of_its_template_and_an_equal_rare_answer_brings_far_wordings_to_the_shortlist() -> None:
    rng = Random(1)
    texts = [f"Please open a case for {firm}: their order number {rng.randrange(10**5)} is late." for firm in FIRMS]
    texts.append("We have not brought what they ordered, so complain those people of Alder and Foods")
    texts.append(texts[1] + " Now!")
    answers = np.arange(len(texts), dtype=np.uint64)
    answers[100] = answers[0]
    corpus = corpus_of(texts, answers)
    space = Space(corpus)
    shortlist = Shortlist(
        space,
        tokens_of(column(texts[:20])),
        column(texts[:20]),
        answers=answers[:20],
        told=corpus.told_by(answers[:20]),
    )
    shortlist.look(np.arange(20, 102), tokens_of(column(texts[20:])), column(texts[20:]), answers[20:])
    pairs = shortlist.pairs()
    rows = sorted({row for _, row, _, _ in pairs})
    close = with_contrast(pairs, space, rows, column([texts[row] for row in rows]))
    contrast = {(pair.probe, pair.row): pair.contrast for pair in close}
    assert (0, 100) in contrast
    usual = sorted(found for (_, row), found in contrast.items() if row < 100)
    assert len(usual) > 20
    assert contrast[1, 101] > usual[len(usual) * 3 // 4]


def test_the_order_of_batches_does_not_change_counts_or_sample() -> None:
    texts = [f"question number {n} about {FIRMS[n % 100]}" for n in range(300)]
    answers = np.arange(300, dtype=np.uint64) % 7
    whole = corpus_of(texts, answers)
    parts = Corpus.empty()
    for start in (200, 0, 100):
        parts.add(column(texts[start : start + 100]), answers[start : start + 100])
    assert parts.counts.rows == whole.counts.rows == 300
    assert np.array_equal(parts.counts.words, whole.counts.words)
    assert np.array_equal(parts.answers, whole.answers)
    assert parts.sampled == whole.sampled


def test_corpora_of_parts_merged_in_their_order_are_the_corpus_of_all_rows() -> None:
    texts = [f"question number {n % 290} about {FIRMS[n % 100]}{' ' * (n // 290)}" for n in range(300)]
    answers = np.arange(300, dtype=np.uint64) % 7
    whole, merged = corpus_of(texts, answers), Corpus.empty()
    for start in (0, 100, 200):
        merged.merge(corpus_of(texts[start : start + 100], answers[start : start + 100]))
    assert merged.counts.rows == 300
    assert np.array_equal(merged.counts.words, whole.counts.words)
    assert np.array_equal(merged.counts.stems, whole.counts.stems)
    assert np.array_equal(merged.answers, whole.answers)
    assert merged.sampled == whole.sampled


def test_the_sample_stays_small() -> None:
    corpus = Corpus.empty()
    for start in range(0, 2 * SAMPLE, SAMPLE):
        texts = [f"row {n}" for n in range(start, start + SAMPLE)]
        corpus.add(column(texts), np.zeros(SAMPLE, dtype=np.uint64))
    assert len(corpus.sampled) == SAMPLE
    assert 0.3 < sum(int(text.split()[1]) < SAMPLE for text in corpus.sampled) / SAMPLE < 0.7


def test_an_answer_of_one_row_tells_everything_and_one_of_all_rows_nothing() -> None:
    corpus = corpus_of(["a", "b", "c", "d"], np.array([1, 2, 2, 2], dtype=np.uint64))
    assert corpus.told_by(np.array([1], dtype=np.uint64))[0] == 1
    same = corpus_of(["a", "b"], np.array([5, 5], dtype=np.uint64))
    assert same.told_by(np.array([5], dtype=np.uint64))[0] == 0
