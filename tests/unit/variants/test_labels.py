"""Recall and gain by hand, and labels that outlive another way of cutting."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import EmptySample, Faults, UserError
from luthier.variants.retrieval.documents import Passage
from luthier.variants.retrieval.fusing import by_ranks, by_scores
from luthier.variants.retrieval.index import Index
from luthier.variants.retrieval.labels import Labelled, measure_search, ndcg_at, read_labels, recall_at

RANKED = ["a", "b", "c", "d"]


def test_recall_counts_what_is_right_among_the_first() -> None:
    assert recall_at(RANKED, {"b", "z"}, 2) == 0.5
    assert recall_at(RANKED, {"a", "b", "c"}, 2) == 1.0  # two places cannot hold three
    assert recall_at(RANKED, {"z"}, 4) == 0.0


def test_gain_is_discounted_by_rank_and_set_against_the_best_order() -> None:
    assert ndcg_at(RANKED, {"b"}, 10) == pytest.approx(1 / math.log2(3))
    best = 1 + 1 / math.log2(3)
    assert ndcg_at(RANKED, {"a", "d"}, 10) == pytest.approx((1 + 1 / math.log2(5)) / best)
    assert ndcg_at(RANKED, {"d"}, 3) == 0.0


def test_a_question_without_a_right_passage_is_refused_rather_than_scored() -> None:
    with pytest.raises(EmptySample):
        recall_at(RANKED, set(), 5)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_figures_lie_between_0_and_1_and_are_1_for_the_best_order(ranked: list[str], right: set[str]) -> None:
    for figure in (recall_at, ndcg_at):
        assert 0 <= figure(ranked, right, 5) <= 1 + 1e-12
        assert figure(sorted(right), right, 5) == pytest.approx(1)


def test_a_passage_answers_when_it_holds_a_quote_whatever_its_spacing() -> None:
    label = Labelled(question="?", documents=("a.md",), quotes=("thirty  days",))
    assert label.answered_by(Passage(id="a.md#3", title="", text="within thirty\ndays"))
    assert not label.answered_by(Passage(id="b.md#3", title="", text="within thirty days"))
    assert not label.answered_by(Passage(id="a.md#1", title="", text="within ninety days"))


def test_a_label_that_no_passage_holds_is_named_and_not_scored() -> None:
    passages = [Passage(id="a.md#1", title="", text="bolts cost 4"), Passage(id="a.md#2", title="", text="nuts cost 5")]
    labels = [
        Labelled(question="bolts", documents=("a.md",), quotes=("bolts cost 4",)),
        Labelled(question="glue", documents=("a.md",), quotes=("glue is free",)),
    ]
    overall, asked, bad = measure_search(passages, Index(passages).search, labels)
    assert (overall["recall@5"].value, overall["recall@5"].n, asked[0].rank, bad) == (1.0, 1, 1, ("glue",))
    assert overall["recall@5"].low < 1.0  # one question proves little
    with pytest.raises(UserError, match="no label names words"):
        measure_search(passages, Index(passages).search, labels[1:])


def test_every_bad_line_of_a_label_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"question": "q", "documents": ["a.md"]}\n{"question": "q"}\nno json\n')
    with pytest.raises(Faults) as fault:
        read_labels(file)
    assert "line 2" in str(fault.value.faults)
    assert "line 3" in str(fault.value.faults)


def test_fusion_by_ranks_adds_weighted_reciprocals() -> None:
    # 10: 1/61 + .5/62 = .02446; 20: 1/62 + .5/61 = .02433; 30: 1/63 = .01587
    assert by_ranks([10, 20, 30], [20, 10], weight=0.5) == [10, 20, 30]
    assert by_ranks([10, 20], [20, 10], weight=1.5) == [20, 10]


def test_fusion_by_scores_keeps_what_words_find_far_better_and_lets_meaning_settle_the_rest() -> None:
    # words over the best: 1, .95, .3; with meaning times .2: 1.0, 1.13, .46
    assert by_scores({1: 20.0, 2: 19.0, 3: 6.0}, {2: 0.9, 3: 0.8}, weight=0.2) == [2, 1, 3]
    assert by_scores({1: 20.0, 2: 6.0}, {2: 1.0}, weight=0.2) == [1, 2]
    assert by_scores({}, {7: 0.2, 5: 0.4}, weight=0.2) == [5, 7]


places = st.lists(st.integers(0, 9), unique=True)


@given(places, places, st.floats(0.05, 5))
def test_fusion_keeps_every_place_once(left: list[int], right: list[int], weight: float) -> None:
    words, meaning = ({place: 1.0 / rank for rank, place in enumerate(half, 1)} for half in (left, right))
    for both in (by_ranks(left, right, weight=weight), by_scores(words, meaning, weight=weight)):
        assert sorted(both) == sorted(set(left) | set(right))
