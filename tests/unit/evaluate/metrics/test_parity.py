"""Figures that others define too are theirs to 1e-6, on texts made up and on every text Hypothesis thinks of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from sklearn.metrics import f1_score

from luthier.domain.examples import Example, Message
from luthier.evaluate.metrics import Attempt, metrics
from luthier.evaluate.metrics.rouge import longest_common, rouge_lcs, rouge_n

SCORER = RougeScorer(["rouge1", "rouge2", "rougeL"])
words = st.lists(
    st.sampled_from(["the", "cat", "sat", "on", "a", "mat,", "3.5", "U.S.", "it's", "état", "-", "well-fed"]),
    max_size=14,
)
texts = words.map(" ".join) | st.text(max_size=30)
pairs = st.lists(st.tuples(texts, texts.filter(str.strip)), min_size=1, max_size=6)


def attempt(answer: str | None, ideal: str) -> Attempt:
    messages = (Message(role="user", content="q"), Message(role="assistant", content=ideal))
    return Attempt(answer=answer, example=Example(id="1", messages=messages))


def figure(name: str, sample: list[tuple[str, str]]) -> float:
    metric, attempts = metrics.get(name), [attempt(*pair) for pair in sample]
    return metric.measure_rows(attempts, [float(metric.score(each) or 0.0) for each in attempts]).value


@settings(max_examples=150, deadline=None)
@given(texts, texts)
def test_rouge_is_rouge_scores(answer: str, ideal: str) -> None:
    theirs = SCORER.score(ideal, answer)
    assert rouge_n(answer, ideal, 1) == pytest.approx(theirs["rouge1"].fmeasure, abs=1e-6)
    assert rouge_n(answer, ideal, 2) == pytest.approx(theirs["rouge2"].fmeasure, abs=1e-6)
    assert rouge_lcs(answer, ideal) == pytest.approx(theirs["rougeL"].fmeasure, abs=1e-6)


@given(st.text("abc", max_size=9), st.text("abc", max_size=9))
def test_the_longest_common_run_is_the_tables(one: str, other: str) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, left in enumerate(one):
        for j, right in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    assert longest_common(tuple(one), tuple(other)) == table[-1][-1]


@settings(max_examples=80, deadline=None)
@given(pairs)
def test_corpus_bleu_and_chrf_are_sacrebleus(sample: list[tuple[str, str]]) -> None:
    answers, ideals = zip(*sample, strict=True)
    assert 100 * figure("bleu", sample) == pytest.approx(
        BLEU().corpus_score(list(answers), [list(ideals)]).score, abs=1e-6
    )
    assert 100 * figure("chrf", sample) == pytest.approx(
        CHRF().corpus_score(list(answers), [list(ideals)]).score, abs=1e-6
    )


@settings(max_examples=80, deadline=None)
@given(texts, texts.filter(str.strip))
def test_a_rows_bleu_is_sacrebleus_of_the_sentence(answer: str, ideal: str) -> None:
    theirs = BLEU(effective_order=True).sentence_score(answer, [ideal]).score
    assert 100 * float(metrics.get("bleu").score(attempt(answer, ideal)) or 0.0) == pytest.approx(theirs, abs=1e-6)


@given(st.lists(st.tuples(st.sampled_from("abcx"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_macro_f1_is_scikit_learns_over_the_labels_that_are_there(sample: list[tuple[str, str]]) -> None:
    got, wanted = zip(*sample, strict=True)
    theirs = f1_score(wanted, got, labels=sorted({*got, *wanted}), average="macro", zero_division=0)
    assert figure("macro_f1", sample) == pytest.approx(theirs, abs=1e-6)


def test_an_interval_of_pooled_rows_is_that_of_the_resampled_corpus() -> None:
    """The figure of each resample, computed anew by scikit-learn from the rows that it drew."""
    draws = np.random.default_rng(1)
    wanted = draws.choice(list("abc"), 120, p=[0.6, 0.3, 0.1])
    got = np.where(draws.random(120) < 0.7, wanted, draws.choice(list("abc"), 120))
    attempts = [attempt(one, other) for one, other in zip(got.tolist(), wanted.tolist(), strict=True)]
    measured = metrics.get("macro_f1").measure_rows(attempts, [1.0] * 120)
    places = np.random.default_rng(0).integers(0, 120, (2_000, 120))
    theirs = [f1_score(wanted[each], got[each], average="macro", zero_division=0) for each in places[:300]]
    assert measured.low == pytest.approx(np.quantile(theirs, 0.025), abs=0.02)
    assert measured.high == pytest.approx(np.quantile(theirs, 0.975), abs=0.02)
    assert measured.method == "bootstrap"
