"""Agreement figures against hand arithmetic, scikit-learn, the krippendorff formula and PandaLM's annotators."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from luthier.errors import EmptySample, NotEnoughEvidence
from luthier.review.agreement import cohen_kappa, krippendorff_alpha, percent_agreement

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
