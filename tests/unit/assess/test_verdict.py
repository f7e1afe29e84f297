"""Recorded failure mixes lead to each of the verdicts, in the order prompt, retrieve, tune."""

from datetime import UTC, datetime
from typing import Any

import pytest

from luthier.assess.config import AssessConfig, CharterConfig
from luthier.assess.types import Evidence
from luthier.assess.verdict import decide, overrule
from luthier.domain.decisions import Decision
from luthier.errors import UserError
from tests.unit.assess.made import baseline, cases, evidence, examples

GOOD = {"format": 2}
BROKEN_FORMAT = {"format": 160, "tool_name": 40}
NEEDS_FACTS = {"missing_fact": 160}
BOTH = {"format": 100, "missing_fact": 160}
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def settings(**changed: Any) -> AssessConfig:
    return AssessConfig.model_validate(changed)


def test_a_prompt_that_meets_every_kpi_is_kept(charter: CharterConfig, config: AssessConfig) -> None:
    decision = decide(charter, config, evidence({"prompt": GOOD, "rag": BROKEN_FORMAT}))
    assert decision.advice == "prompt"
    assert "'prompt'" in decision.reasons[0]


def test_worked_examples_that_meet_every_kpi_count_as_prompting(charter: CharterConfig, config: AssessConfig) -> None:
    assert decide(charter, config, evidence({"prompt": BROKEN_FORMAT, "few_shot": GOOD})).advice == "prompt"


def test_retrieval_that_meets_every_kpi_is_enough(charter: CharterConfig, config: AssessConfig) -> None:
    assert decide(charter, config, evidence({"prompt": NEEDS_FACTS, "rag": GOOD})).advice == "retrieve"


def test_only_missing_facts_mean_retrieve_even_before_retrieval_was_tried(
    charter: CharterConfig, config: AssessConfig
) -> None:
    decision = decide(charter, config, evidence({"prompt": NEEDS_FACTS}))
    assert decision.advice == "retrieve"
    assert any("retrieval" in lack for lack in decision.missing)


def test_systematic_misbehaviour_that_retrieval_leaves_means_tune(charter: CharterConfig, config: AssessConfig) -> None:
    decision = decide(charter, config, evidence({"prompt": BROKEN_FORMAT, "rag": BROKEN_FORMAT}))
    assert decision.advice == "tune"
    assert decision.allows_tuning
    assert [reason.split(" on ")[0] for reason in decision.reasons] == [
        "behaviour gap: format",
        "behaviour gap: tool_name",
    ]


@pytest.mark.parametrize("kind", ["wrong_argument", "reasoning", "refusal_or_empty"])
def test_every_other_misbehaviour_means_tune_too(kind: str, charter: CharterConfig, config: AssessConfig) -> None:
    mixture = {kind: 150}
    assert decide(charter, config, evidence({"prompt": mixture, "rag": mixture})).advice == "tune"


def test_misbehaviour_and_missing_facts_mean_both(charter: CharterConfig, config: AssessConfig) -> None:
    solved = {"format": 100, "hidden_right": 160}
    decision = decide(charter, config, evidence({"prompt": BOTH, "rag": solved}))
    assert decision.advice == "tune_and_retrieve"
    assert any("retrieval supplied the fact on 160 of 160" in reason for reason in decision.reasons)


def test_tuning_waits_until_retrieval_was_measured(charter: CharterConfig, config: AssessConfig) -> None:
    decision = decide(charter, config, evidence({"prompt": BROKEN_FORMAT}))
    assert decision.advice == "not_enough_evidence"
    assert any("it comes before tuning" in lack for lack in decision.missing)


def test_nothing_is_said_before_a_prompt_was_measured(charter: CharterConfig, config: AssessConfig) -> None:
    decision = decide(charter, config, evidence({"rag": BROKEN_FORMAT, "nearest": BROKEN_FORMAT}))
    assert (decision.advice, len(decision.missing)) == ("not_enough_evidence", 1)


def test_misbehaviour_that_worked_examples_cure_is_no_gap(charter: CharterConfig, config: AssessConfig) -> None:
    mixtures = {"prompt": {"format": 200}, "few_shot": {"missing_fact": 120}, "rag": {"format": 150}}
    assert decide(charter, config, evidence(mixtures)).advice == "retrieve"


def test_under_a_few_hundred_rows_tuning_is_refused(charter: CharterConfig, config: AssessConfig) -> None:
    seen = evidence({"prompt": BROKEN_FORMAT, "rag": BROKEN_FORMAT}, training=120)
    decision = decide(charter, config, seen)
    assert decision.advice == "not_enough_evidence"
    assert decision.missing[0].startswith("180 more clean training rows")


def test_few_rows_and_nobody_to_label_more_stop_the_project(charter: CharterConfig) -> None:
    seen = evidence({"prompt": BROKEN_FORMAT, "rag": BROKEN_FORMAT}, training=120)
    assert decide(charter, settings(can_label_more=False), seen).advice == "stop"


def test_where_training_is_forbidden_only_retrieval_is_left(charter: CharterConfig) -> None:
    forbidden = settings(training_allowed=False)
    assert decide(charter, forbidden, evidence({"prompt": BROKEN_FORMAT, "rag": BROKEN_FORMAT})).advice == "stop"
    assert decide(charter, forbidden, evidence({"prompt": BOTH, "rag": BOTH})).advice == "retrieve"


def test_scattered_failures_do_not_call_for_tuning(charter: CharterConfig, config: AssessConfig) -> None:
    scattered = {"format": 8, "tool_name": 8, "wrong_argument": 8, "reasoning": 8, "refusal_or_empty": 8}
    decision = decide(charter, config, evidence({"prompt": scattered, "rag": scattered}, of=1_000))
    assert decision.advice == "prompt"


def test_a_handful_of_rows_decides_nothing(charter: CharterConfig, config: AssessConfig) -> None:
    mixture = {"format": 40}
    decision = decide(charter, config, evidence({"prompt": mixture, "rag": mixture}, of=80))
    assert (decision.advice, decision.missing) == ("not_enough_evidence", ("120 more benchmark rows",))


def test_failures_that_may_or_may_not_be_systematic_ask_for_more_rows(
    charter: CharterConfig, config: AssessConfig
) -> None:
    mixture = {"format": 14}  # 14 of 200: Wilson 4.2% to 11.4%, around the line of 5%
    seen = evidence({"prompt": mixture, "rag": mixture}, of=200)
    assert decide(charter, config, seen).advice == "not_enough_evidence"


def test_failing_rows_without_a_sound_ideal_are_not_labelable(charter: CharterConfig, config: AssessConfig) -> None:
    rows = [
        row.model_copy(update={"ideal": "call them back", "scores": {"exact_match": 0.0, "schema_valid": 0.0}})
        for row in cases({}, of=400)
    ]
    seen = Evidence(
        project="crm", baselines=(baseline("prompt", rows), baseline("rag", rows)), training=examples(1_000),
        tools=evidence({}).tools,
    )  # fmt: skip
    decision = decide(charter, config, seen)
    assert decision.advice == "not_enough_evidence"
    assert any("not labelable" in lack for lack in decision.missing)


def test_a_tuned_variant_is_no_baseline(charter: CharterConfig, config: AssessConfig) -> None:
    with_tuned = evidence({"prompt": BROKEN_FORMAT, "rag": BROKEN_FORMAT, "tuned": {}})
    decision = decide(charter, config, with_tuned)
    assert decision.advice == "tune"
    assert [table.variant for table in decision.failures] == ["prompt", "rag"]


def test_signs_tell_what_holds_and_what_nobody_stated(charter: CharterConfig) -> None:
    seen = evidence({"prompt": BROKEN_FORMAT, "rag": BROKEN_FORMAT})
    decision = decide(charter, settings(calls_per_day=250_000, facts_change="daily"), seen)
    holds = {trigger.name: trigger.holds for trigger in decision.triggers}
    assert (holds["format_lock"], holds["high_volume"], holds["facts_change_fast"]) == (True, True, True)
    assert (holds["training_forbidden"], holds["prompt_suffices"]) == (False, False)
    unstated = decide(charter, AssessConfig(), seen)
    assert {trigger.name: trigger.holds for trigger in unstated.triggers}["high_volume"] is None


def test_a_prompt_longer_than_its_task_that_still_fails_is_a_sign(charter: CharterConfig, config: AssessConfig) -> None:
    rows = cases(BROKEN_FORMAT, of=400)
    seen = evidence({"rag": BROKEN_FORMAT})
    long = baseline("prompt", rows, prompt="Follow these rules. " * 40)
    decision = decide(charter, config, seen.model_copy(update={"baselines": (long, *seen.baselines)}))
    assert next(trigger for trigger in decision.triggers if trigger.name == "long_prompt").holds


def test_the_expert_test_counts_failures_that_need_no_lookup(charter: CharterConfig) -> None:
    seen = evidence({"prompt": BOTH, "rag": BOTH})
    decision = decide(charter, settings(expert_could_answer="no"), seen)
    answerable = decision.expert_test.answerable
    assert answerable is not None
    assert (answerable.hits, answerable.n, decision.expert_test.answer) == (100, 260, "no")


def test_a_person_may_overrule_with_name_and_reason_and_the_finding_stays(
    charter: CharterConfig, config: AssessConfig
) -> None:
    decision = decide(charter, config, evidence({"prompt": BROKEN_FORMAT}))
    changed = overrule(decision, "tune", by="Dr. Owen", reason="the pilot ends on Friday", now=NOW)
    assert (changed.advice, changed.effective, changed.allows_tuning) == ("not_enough_evidence", "tune", True)
    assert changed.override is not None
    assert changed.digest != decision.digest
    assert Decision.model_validate_json(changed.model_dump_json()) == changed


@pytest.mark.parametrize(("by", "reason"), [("", "the pilot ends on Friday"), ("Dr. Owen", "because")])
def test_an_override_without_name_or_reason_is_refused(
    by: str, reason: str, charter: CharterConfig, config: AssessConfig
) -> None:
    decision = decide(charter, config, evidence({"prompt": BROKEN_FORMAT}))
    with pytest.raises(UserError, match="name and a reason"):
        overrule(decision, "tune", by=by, reason=reason, now=NOW)


def test_what_only_production_can_tell_is_named(charter: CharterConfig, config: AssessConfig) -> None:
    kpi = charter.kpis[0].model_copy(update={"name": "csat", "target": ">= 4", "now": 3.1})
    other = charter.model_copy(update={"kpis": (kpi, charter.kpis[1])})
    decision = decide(other, config, evidence({"prompt": GOOD}))
    assert any("'csat'" in warning for warning in decision.warnings)
