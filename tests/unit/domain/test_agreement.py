"""Agreement figures against hand arithmetic, scikit-learn, the krippendorff formula and PandaLM's annotators."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from luthier.domain.agreement import (
    cohen_kappa,
    fleiss_kappa,
    krippendorff,
    krippendorff_alpha,
    mean_kappa,
    percent_agreement,
)
from luthier.errors import EmptySample, NotEnoughEvidence

REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
PANDALM = REAL_DATA / "pandalm" / "data" / "testset-v1.json"
labels = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=60)


def test_percent_agreement_counts_equal_labels() -> None:
    assert percent_agreement(["a", "b", "a", "b"], ["a", "b", "b", "b"]) == 0.75


def test_kappa_of_a_textbook_table_is_two_fifths() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: (0.7 - 0.5) / (1 - 0.5) = 0.4."""
    one = ["y"] * 25 + ["n"] * 25
    other = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4, abs=1e-12)


@given(labels)
def test_kappa_equals_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    assume(len({*one, *other}) > 1)
    assert cohen_kappa(one, other) == pytest.approx(cohen_kappa_score(one, other), abs=1e-6)


def test_alpha_of_krippendorff_s_own_example_is_0_743() -> None:
    """Four observers, twelve units, missing labels: nominal alpha 0.743 (Krippendorff 2011, section C)."""
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    assert krippendorff_alpha(list(zip(*observers, strict=True))) == pytest.approx(0.743, abs=5e-4)


def test_agreement_of_nothing_and_of_one_label_is_refused_rather_than_scored() -> None:
    with pytest.raises(EmptySample):
        percent_agreement([], [])
    with pytest.raises(EmptySample):
        krippendorff_alpha([["a"], [None, "b"]])
    with pytest.raises(NotEnoughEvidence):
        cohen_kappa(["a", "a"], ["a", "a"])
    with pytest.raises(NotEnoughEvidence):
        krippendorff_alpha([["a", "a"], ["a", "a"]])


@pytest.mark.skipif(not PANDALM.exists(), reason=f"{PANDALM} is absent; set LUTHIER_REAL_DATA")
def test_pandalm_s_annotators_agree_as_published() -> None:
    rows = json.loads(PANDALM.read_text(encoding="utf-8"))
    one, two, three = ([row[f"annotator{k}"] for row in rows] for k in (1, 2, 3))
    kappas = sorted([cohen_kappa(one, two), cohen_kappa(one, three), cohen_kappa(two, three)])
    assert kappas == pytest.approx(sorted([0.8520, 0.8789, 0.8617]), abs=5e-5)
    assert krippendorff_alpha(list(zip(one, two, three, strict=True))) == pytest.approx(0.8642, abs=5e-5)


def test_fleiss_kappa_of_a_textbook_table_is_0_21() -> None:
    """Ten subjects, fourteen raters, five categories: 0.210 (Fleiss 1971's layout, as worked in Wikipedia's table)."""
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    units = [[label for label, count in enumerate(row) for _ in range(count)] for row in table]
    assert fleiss_kappa(units).value == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_asks_for_the_same_number_of_labels_everywhere() -> None:
    with pytest.raises(ValueError, match="krippendorff_alpha"):
        fleiss_kappa([["a", "b"], ["a", "b", "b"]])


def test_interval_alpha_of_krippendorff_s_own_example_is_0_849() -> None:
    """The same reliability data as nominal alpha 0.743 above (Krippendorff 2011, section C, interval difference)."""
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    assert krippendorff(list(zip(*observers, strict=True)), scale="interval").value == pytest.approx(0.849, abs=5e-4)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=60))
def test_weighted_kappa_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    assume(len({*one, *other}) > 1)
    expected = cohen_kappa_score(one, other, weights="quadratic", labels=sorted({*one, *other}))
    spread = sorted({*one, *other})
    by_place = cohen_kappa_score([spread.index(a) for a in one], [spread.index(b) for b in other], weights="quadratic")
    got = mean_kappa(one, [other], scale="interval").value
    assert expected == pytest.approx(by_place, abs=1e-9)  # scikit-learn weighs by place, so compare where both agree
    if spread == list(range(spread[0], spread[-1] + 1)):
        assert got == pytest.approx(expected, abs=1e-6)


def test_an_answer_nobody_could_read_is_as_far_from_every_mark_as_two_marks_can_be() -> None:
    people, near = [1, 2, 3, 4, 5, 4], [1, 2, 3, 4, 5, 5]
    unread = [1, 2, 3, 4, 5, "unreadable"]
    kappas = [mean_kappa(one, [people], scale="interval", apart=("unreadable",)).value for one in (near, unread)]
    assert kappas[1] < kappas[0] < 1


def test_kappa_with_several_people_is_the_mean_of_the_kappas() -> None:
    judge, anna, ben = "aabbab", "aabbbb", "abbbab"
    each = [cohen_kappa(judge, other) for other in (anna, ben)]
    assert mean_kappa(judge, [list(anna), list(ben)]).value == pytest.approx(sum(each) / 2)


def test_a_person_who_left_items_out_is_judged_on_the_others() -> None:
    judge, person = list("aabbab"), ["a", "a", "b", None, "b", None]
    assert mean_kappa(judge, [person]).value == pytest.approx(cohen_kappa(list("aaba"), list("aabb")))


@given(labels, st.integers(0, 9))
def test_the_figure_lies_in_its_interval_and_the_order_of_items_does_not_change_it(
    pairs: list[tuple[str, str]], seed: int
) -> None:
    assume(len({label for pair in pairs for label in pair}) > 1)
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    got = mean_kappa(one, [other]).measured(seed=seed)
    assert got.low <= got.value <= got.high <= 1
    assert mean_kappa(one[::-1], [other[::-1]]).value == pytest.approx(got.value)


def test_intervals_of_kappa_hold_the_true_value_about_as_often_as_they_say() -> None:
    """Two raters, 200 items, agree by copying with probability 0.7 and else by chance: the true kappa is 0.7."""
    draws, held = np.random.default_rng(3), 0
    for trial in range(120):
        one = draws.integers(0, 3, 200)
        other = np.where(draws.random(200) < 0.7, one, draws.integers(0, 3, 200))
        got = mean_kappa(one.tolist(), [other.tolist()]).measured(seed=trial)
        held += got.low <= 0.7 <= got.high
    assert 107 <= held <= 120  # 95% of 120 is 114, less three standard deviations


def test_items_that_hang_together_leave_more_doubt_than_as_many_that_do_not() -> None:
    one = [label for label in "abab" * 20 for _ in range(5)]
    other = [label for label in "abbb" * 20 for _ in range(5)]
    clusters = [place // 5 for place in range(len(one))]
    apart, together = (mean_kappa(one, [other]).measured(each, seed=1) for each in (None, clusters))
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


@pytest.mark.skipif(not PANDALM.exists(), reason=f"{PANDALM} is absent; set LUTHIER_REAL_DATA")
def test_pandalm_s_figures_come_with_intervals_over_its_instructions() -> None:
    rows = json.loads(PANDALM.read_text(encoding="utf-8"))
    units = [tuple(row[f"annotator{k}"] for k in (1, 2, 3)) for row in rows]
    asked = [(row["instruction"], row["input"]) for row in rows]
    alpha = krippendorff(units).measured(asked, seed=0)
    fleiss = fleiss_kappa(units).measured(asked, seed=0)
    assert alpha.value == pytest.approx(0.8642, abs=5e-5)
    assert fleiss.value == pytest.approx(alpha.value, abs=1e-4)  # nominal alpha differs by 1 / (n m) only
    assert 0.82 < alpha.low < 0.8642 < alpha.high < 0.90
