"""Answers in prose: tone, jargon and wrong facts by rules that can be read, and the verdict each mixture leads to."""

from collections.abc import Mapping
from typing import Any

import pytest
from scipy.stats import fisher_exact

from luthier.assess.concentration import more_than_chance
from luthier.assess.config import AssessConfig, CharterConfig, StyleConfig, TaxonomyConfig
from luthier.assess.failures import Yardstick, failure_table, kinds_by_row, remedy
from luthier.assess.stated import contradicted, facts_in
from luthier.assess.types import Baseline, Evidence
from luthier.assess.verdict import decide
from luthier.assess.wording import Wording, missed_terms, style_faults
from luthier.domain.answers import Answer
from luthier.domain.decisions import Decision
from luthier.domain.examples import Example, Message
from luthier.domain.measure import Measurement
from luthier.domain.reports import Case
from tests.unit.assess.made import baseline

STYLE = StyleConfig(forbidden=("cheap", "no problem"), expected=("Kind regards",), max_words=20)
GLOSSARY = {"chargeback": ("reversal", "refund")}
PASSAGE = "Standard parcels arrive within 3 days. Anna Berger leads the desk."
BY = Yardstick(passages={"p1": PASSAGE}, wording=Wording(STYLE, GLOSSARY))
IDEAL = "The chargeback takes 3 days. Kind regards"
ANSWERS: Mapping[str, str | None] = {
    "right": IDEAL,
    "tone": "No problem, the chargeback takes 3 days. Kind regards",
    "jargon": "The reversal takes 3 days. Kind regards",
    "wrong_fact": "The chargeback takes 9 days. Kind regards",
    "refusal_or_empty": "I'm sorry, I cannot help with a chargeback.",
    "reasoning": "A chargeback never takes 3 days. Kind regards",
}


def prose(name: str, text: str | None, *, shown: bool = True, ideal: str = IDEAL, **strata: str) -> Case:
    return Case(
        example_id=name, strata=strata, asked="How long until I have my money?", ideal=ideal,
        answer=Answer(text=text, sources=("p1",) if shown else ()),
        scores={"exact_match": float(text == ideal), "schema_valid": 1.0},
    )  # fmt: skip


def kinds_of(text: str | None, *, shown: bool = True, ideal: str = IDEAL) -> set[str]:
    return set(kinds_by_row([prose("row", text, shown=shown, ideal=ideal)], BY).get("row", ()))


@pytest.mark.parametrize("kind", sorted(set(ANSWERS) - {"right"}))
def test_each_way_to_fail_in_prose_is_told_from_the_others(kind: str) -> None:
    assert kinds_of(ANSWERS[kind]) == {kind}


def test_a_right_answer_is_no_failure_although_the_rules_are_there() -> None:
    assert kinds_of(IDEAL) == set()


def test_another_figure_is_a_wrong_fact_where_it_was_shown_and_a_missing_one_where_it_was_not() -> None:
    assert kinds_of(ANSWERS["wrong_fact"], shown=True) == {"wrong_fact"}
    assert kinds_of(ANSWERS["wrong_fact"], shown=False) == {"missing_fact"}


def test_a_name_that_contradicts_the_passage_is_a_wrong_fact() -> None:
    ideal = "Please ask our Anna Berger about the chargeback. Kind regards"
    assert kinds_of("Please ask our Karl Weber about the chargeback. Kind regards", ideal=ideal) == {"wrong_fact"}
    other = "Please ask our Mia Koch about the chargeback. Kind regards"
    assert kinds_of("Please ask our Karl Weber about the chargeback. Kind regards", ideal=other) == {"missing_fact"}


def test_a_fact_left_out_though_it_was_shown_contradicts_nothing() -> None:
    assert kinds_of("The chargeback takes a while. Kind regards") == {"reasoning"}


def test_an_answer_that_breaks_what_its_own_ideal_breaks_is_not_off_tone() -> None:
    assert kinds_of("It is cheap", ideal="It is cheap and quick") == {"reasoning"}


def test_each_line_of_the_style_sheet_can_be_broken() -> None:
    style = StyleConfig(forbidden=("cheap",), expected=("Dear",), max_words=6, min_words=3)
    assert style_faults(style, "Dear all, it is fine") == set()
    assert style_faults(style, "cheap") == {"says 'cheap'", "says nothing of what is expected", "too short"}
    assert style_faults(style, "Dear all it is too long now") == {"too long"}
    assert style_faults(style, "Dear all, cheapness matters") == set()


def test_lengths_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no answer could keep both"):
        StyleConfig(min_words=9, max_words=3)


def test_a_term_is_missed_where_it_lacks_and_where_it_is_replaced() -> None:
    assert missed_terms(GLOSSARY, "You get your money.", "The chargeback runs.") == {"chargeback"}
    assert missed_terms(GLOSSARY, "A refund runs.", "It runs.") == {"chargeback"}
    assert missed_terms(GLOSSARY, "A refund runs.", "The refund runs.") == set()


def test_facts_are_read_by_sort_and_each_once() -> None:
    found = facts_in("On 3 March 2026 Anna Berger paid 1,500.50 for ACC-12 and 7")
    assert {sort: set(facts) for sort, facts in found.items()} == {
        "date": {"3 march 2026"}, "code": {"acc-12"}, "number": {"1500.5", "7"}, "name": {"anna berger"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ideal"),
    [
        ("It costs 1500 EUR", "It costs 1,500 EUR"),
        ("It costs 1500.00 EUR", "It costs 1,500 EUR"),
        ("It takes long", "It takes 3 days"),
        ("It takes 3 days, 2 at best", "It takes 3 days"),
    ],
)
def test_what_says_the_same_or_says_nothing_contradicts_nothing(text: str, ideal: str) -> None:
    assert contradicted(text, ideal, "") == set()


def test_a_figure_of_the_question_is_no_contradiction() -> None:
    assert contradicted("You asked about order 77.", "It takes 3 days", "Where is order 77?") == set()
    assert contradicted("It takes 77 days.", "It takes 3 days", "Where is order 12?") == {"3"}


def test_a_call_that_does_not_use_what_a_passage_said_has_a_wrong_fact() -> None:
    ideal, text = '{"name": "ship", "arguments": {"days": "3"}}', '{"name": "ship", "arguments": {"days": "9"}}'
    assert kinds_of(text, ideal=ideal) == {"wrong_fact"}
    assert kinds_of(text, ideal=ideal, shown=False) == {"missing_fact"}


def table_of(rows: list[Case]) -> Any:
    return failure_table(baseline("prompt", rows), kinds_by_row(rows, BY), tools=(), config=AssessConfig())


def test_failures_that_lie_in_one_stratum_are_told_with_both_shares() -> None:
    rows = [prose(f"de-{n}", ANSWERS["tone" if n < 12 else "right"], language="de") for n in range(20)]
    rows += [prose(f"en-{n}", ANSWERS["tone" if n < 3 else "right"], language="en") for n in range(280)]
    (group,) = table_of(rows).groups
    (place,) = group.strata
    assert (place.stratum, place.inside.hits, place.inside.n) == ("language=de", 12, 20)
    assert (place.outside.hits, place.outside.n) == (3, 280)
    assert not group.is_systematic  # 15 of 300


@pytest.mark.parametrize(
    "table", [(12, 20, 15, 300), (0, 20, 15, 300), (9, 200, 150, 10_000), (5, 5, 5, 9), (3, 8, 6, 9)]
)
def test_the_chance_of_a_concentration_is_fisher_s(table: tuple[int, int, int, int]) -> None:
    hits, inside, failed, of = table
    cells = [[hits, failed - hits], [inside - hits, of - inside - failed + hits]]
    if min(min(row) for row in cells) >= 0:
        assert more_than_chance(*table) == pytest.approx(fisher_exact(cells, alternative="greater").pvalue, rel=1e-7)
    else:
        assert more_than_chance(*table) == 1.0


def test_failures_that_are_everywhere_lie_nowhere() -> None:
    texts = [ANSWERS["tone" if n < 20 else "right"] for n in range(100)]
    rows = [prose(f"{tag}-{n}", text, language=tag) for tag in ("de", "en") for n, text in enumerate(texts)]
    assert table_of(rows).groups[0].strata == ()


@pytest.mark.parametrize(
    ("settings", "flags", "advice"),
    [
        ({}, (True, True), "tune"),
        ({}, (False, True), "prompt"),
        ({}, (True, False), "not_enough_evidence"),
        ({"can_label_more": False}, (True, False), "stop"),
        ({"training_allowed": False}, (True, True), "stop"),
    ],
)
def test_a_group_calls_for_tuning_only_where_it_is_systematic_labelable_and_allowed(
    settings: dict[str, Any], flags: tuple[bool, bool], advice: str
) -> None:
    config = AssessConfig.model_validate(settings)
    assert remedy("tone", is_systematic=flags[0], is_labelable=flags[1], config=config) == advice
    assert remedy("missing_fact", is_systematic=flags[0], is_labelable=flags[1], config=config) == "retrieve"


# From recorded answers to each verdict


def recorded(kind: str, mixture: Mapping[str, int], *, shown: bool) -> Baseline:
    texts = [ANSWERS[name] for name, count in mixture.items() for _ in range(count)]
    texts += [IDEAL] * (400 - len(texts))
    rows = [prose(f"row-{number}", text, shown=shown) for number, text in enumerate(texts)]
    made = baseline(kind, rows)
    figures = {"exact_match": made.report.overall["exact_match"]}
    return made.model_copy(update={"report": made.report.model_copy(update={"overall": figures})})


def decided(prompt: Mapping[str, int], rag: Mapping[str, int], *, kpi: str = ">= 0.9", **settings: Any) -> Decision:
    charter = CharterConfig.model_validate(
        {
            "problem": "Answer customers' questions about their chargebacks in our own words.",
            "kpis": [{"name": "correct", "metric": "exact_match", "now": 0.2, "target": kpi, "owner": "desk"}],
            "kill_criterion": {"metric": "correct", "must_reach": ">= 0.6", "within_weeks": 8},
            "style": STYLE.model_dump(),
            "taxonomy": TaxonomyConfig(glossary=GLOSSARY).model_dump(),
        }
    )
    asked = Message(role="user", content="How long?")
    training = tuple(
        Example(id=f"t{n}", messages=(asked, Message(role="assistant", content="We shall see. Kind regards")))
        for n in range(400)
    )
    seen = Evidence(
        project="desk", training=training, passages={"p1": PASSAGE},
        baselines=(recorded("prompt", prompt, shown=False), recorded("rag", rag, shown=True)),
    )  # fmt: skip
    return decide(charter, AssessConfig.model_validate(settings), seen)


@pytest.mark.parametrize("kind", ["tone", "jargon"])
def test_systematic_tone_and_jargon_mean_tune(kind: str) -> None:
    decision = decided({kind: 150}, {kind: 150})
    assert decision.advice == "tune"
    assert decision.failures[0].groups[0].remedy == "tune"
    assert decision.reasons[0].startswith(f"behaviour gap: {kind} on 150 of 400 rows")


def test_figures_that_retrieval_puts_right_mean_retrieve() -> None:
    decision = decided({"wrong_fact": 150}, {"wrong_fact": 4}, kpi=">= 0.95")
    assert decision.advice == "retrieve"
    assert [group.kind for group in decision.failures[0].groups] == ["missing_fact"]


def test_figures_told_otherwise_although_they_were_shown_mean_tune_and_retrieve() -> None:
    decision = decided({"wrong_fact": 150, "tone": 150}, {"wrong_fact": 150, "tone": 150})
    assert decision.advice == "tune_and_retrieve"
    signs = {trigger.name: trigger.holds for trigger in decision.triggers}
    assert (signs["off_tone"], signs["domain_jargon_fumbled"]) == (True, False)


def test_scattered_tone_means_prompt_and_forbidden_training_means_stop() -> None:
    assert decided({"tone": 8}, {"tone": 8}, kpi=">= 0.999").advice == "prompt"
    assert decided({"tone": 150}, {"tone": 150}, training_allowed=False).advice == "stop"


def test_the_share_of_a_kind_is_a_proportion_of_all_rows_asked() -> None:
    share = decided({"tone": 150}, {"tone": 150}).failures[0].groups[0].share
    assert share == Measurement.of_proportion("tone", 150, n=400)
