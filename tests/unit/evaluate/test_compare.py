import pytest
from scipy import stats

from luthier.domain.answers import Answer
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.reports import Case, Report
from luthier.errors import MissingInput, Refused, UnknownName
from luthier.evaluate.compare import best_baseline, compare, compare_strata


def report(variant: str, rights: str, *, gold: str = "g", faults: str = "") -> Report:
    """A report whose rows are right where the text holds a 1, and no valid call where `faults` holds one."""
    faults = faults or "0" * len(rights)
    cases = tuple(
        Case(
            example_id=f"gold:{number}", strata={}, asked="?", ideal="!", answer=Answer(text="!"),
            scores={"exact_match": float(right), "invalid_call": float(fault)},
        )
        for number, (right, fault) in enumerate(zip(rights, faults, strict=True))
    )  # fmt: skip
    return Report(
        variant=variant, variant_digest=variant, benchmark="task_accuracy", gold=gold, strata={}, cases=cases,
        overall={
            "exact_match": Measurement.of_proportion("exact_match", rights.count("1"), n=len(rights)),
            "invalid_call": Measurement.of_proportion("invalid_call", faults.count("1"), n=len(rights)),
        },
        seconds=0, cost=Money(),
    )  # fmt: skip


TUNED, PROMPT = report("tuned", "1111111100"), report("prompt", "0011000011")


def test_rows_are_paired_by_id_whatever_their_order() -> None:
    turned = PROMPT.model_copy(update={"cases": PROMPT.cases[::-1]})
    for other in (PROMPT, turned):
        [found] = compare(TUNED, [other], ["exact_match"], seed=1).differences
        assert (found.variant, found.other) == ("tuned", "prompt")
        assert (found.difference, found.better, found.worse, found.n) == (pytest.approx(0.4), 6, 2, 10)
        assert found.p_value == pytest.approx(stats.binomtest(6, 8).pvalue)


def test_the_same_seed_gives_the_same_intervals() -> None:
    assert compare(TUNED, [PROMPT], ["exact_match"], 3) == compare(TUNED, [PROMPT], ["exact_match"], 3)


def test_a_metric_that_wants_low_says_so() -> None:
    clean, dirty = report("tuned", "1" * 8), report("prompt", "1" * 8, faults="11110000")
    [found] = compare(clean, [dirty], ["invalid_call"], seed=1).differences
    assert found.difference == -0.5
    assert not found.wants_high
    assert found.gain[0] == 0.5


def test_p_values_are_corrected_over_everything_compared() -> None:
    rag = report("rag", "1111111100")
    found = compare(TUNED, [PROMPT, rag], ["exact_match", "invalid_call"], seed=1).differences
    assert len(found) == 4
    raw = [one.p_value for one in found]
    assert found[0].p_holm == pytest.approx(min(1.0, 4 * min(raw)))


@pytest.mark.parametrize(
    "other",
    [
        report("prompt", "0011000011", gold="another"),
        report("prompt", "00110000"),
        PROMPT.model_copy(update={"benchmark": "safety"}),
        PROMPT.model_copy(update={"cases": PROMPT.cases[:9]}),
    ],
)
def test_reports_on_other_rows_are_refused(other: Report) -> None:
    with pytest.raises(Refused):
        compare(TUNED, [other], ["exact_match"], seed=1)


def test_a_metric_nobody_measured_or_registered_is_named() -> None:
    with pytest.raises(MissingInput, match="'tuned' was not measured on 'f1'"):
        compare(TUNED, [PROMPT], ["f1"], seed=1)
    with pytest.raises(UnknownName, match="meteor"):
        compare(TUNED, [PROMPT], ["meteor"], seed=1)


def test_the_best_baseline_is_the_highest_where_high_is_good_and_the_lowest_where_low_is() -> None:
    one, two = report("rag", "1110", faults="1100"), report("few_shot", "1000", faults="1000")
    assert best_baseline([two, one], "exact_match").variant == "rag"
    assert best_baseline([one, two], "invalid_call").variant == "few_shot"


def test_without_a_measured_baseline_there_is_no_best() -> None:
    with pytest.raises(MissingInput, match="no baseline"):
        best_baseline([], "exact_match")


def grouped(variant: str, right: str, *, size: int) -> Report:
    made = report(variant, right)
    cases = tuple(case.model_copy(update={"group": f"customer {n // size}"}) for n, case in enumerate(made.cases))
    return made.model_copy(update={"cases": cases})


def test_rows_that_share_a_customer_are_resampled_by_customer() -> None:
    one, other = grouped("a", "1" * 40, size=10), grouped("b", "0" * 40, size=10)
    [found] = compare(one, [other], ["exact_match"], seed=1).differences
    assert (found.clusters, found.p_value) == (4, 2 / 16)


def test_rows_that_one_of_the_two_has_no_score_for_are_in_no_pair() -> None:
    one, other = report("a", "1111"), report("b", "0000")
    without = other.model_copy(update={"cases": (other.cases[0].model_copy(update={"scores": {}}), *other.cases[1:])})
    [found] = compare(one, [without], ["exact_match"], seed=1).differences
    assert (found.n, found.better) == (3, 3)


def test_strata_are_compared_apart_and_corrected_together() -> None:
    one, other = report("a", "1" * 12 + "0" * 12), report("b", "0" * 12 + "0" * 12)
    tagged = [
        each.model_copy(update={"cases": tuple(
            case.model_copy(update={"strata": {"half": "first" if n < 12 else "second"}})
            for n, case in enumerate(each.cases)
        )})
        for each in (one, other)
    ]  # fmt: skip
    found = compare_strata(tagged[0], tagged[1], ["exact_match"], ["half"], seed=1)
    [first], [second] = found["half=first"], found["half=second"]
    assert (first.difference, first.n, second.difference, second.n) == (1.0, 12, 0.0, 12)
    assert first.p_holm == pytest.approx(2 * first.p_value)


def test_macro_f1_is_compared_as_a_whole_on_the_same_resampled_rows() -> None:
    """By hand: a answers all right (1.0); b says `x` always, so x has F1 2 * 10 / (20 + 10) and y has 0: mean 1 / 3."""

    def labelled(variant: str, says: list[str]) -> Report:
        made = report(variant, "1" * 20)
        ideals = ["x"] * 10 + ["y"] * 10
        cases = tuple(
            case.model_copy(
                update={"ideal": ideal, "answer": Answer(text=said), "scores": {"macro_f1": float(said == ideal)}}
            )
            for case, ideal, said in zip(made.cases, ideals, says, strict=True)
        )
        return made.model_copy(update={"cases": cases, "overall": {"macro_f1": made.overall["exact_match"]}})

    one, other = labelled("a", ["x"] * 10 + ["y"] * 10), labelled("b", ["x"] * 20)
    [found] = compare(one, [other], ["macro_f1"], seed=1).differences
    assert found.difference == pytest.approx(2 / 3)
    assert 0 < found.low < found.difference < found.high <= 1.0
    assert found.p_value == pytest.approx(2 / 2_001)
