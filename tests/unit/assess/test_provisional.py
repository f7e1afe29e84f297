"""Before anything is measured, the advice is where to begin, and never to tune at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.assess.config import AssessConfig, ExpectsConfig
from luthier.assess.provisional import advise
from luthier.domain.decisions import Provisional

answers = st.none() | st.booleans()
expects = st.builds(
    ExpectsConfig, fixed_format=answers, own_tone=answers, jargon=answers, tool_calls=answers, changing_facts=answers,
    long_prompt=answers, small_model=answers, prompt_tried=answers, retrieval_tried=answers,
    clean_rows=st.none() | st.integers(0, 5_000),
)  # fmt: skip
configs = st.builds(
    AssessConfig,
    expects=expects,
    training_allowed=st.booleans(),
    can_label_more=st.booleans(),
    facts_change=st.sampled_from(["never", "monthly", "real_time"]),
    expert_could_answer=st.sampled_from(["yes", "no", "unknown"]),
)


def ask(**stated: object) -> Provisional:
    return advise("p", AssessConfig.model_validate({"expects": stated}))


@given(configs)
def test_nobody_is_told_to_tune_before_anything_was_measured(config: AssessConfig) -> None:
    found = advise("p", config)
    assert found.first in {"prompt", "retrieve", "not_enough_evidence"}
    assert found.first == "prompt" or config.expects.prompt_tried


@given(configs)
def test_where_training_is_forbidden_nothing_leads_to_tuning(config: AssessConfig) -> None:
    found = advise("p", config.model_copy(update={"training_allowed": False}))
    assert found.leads_to not in {"tune", "tune_and_retrieve"}


def test_format_and_moving_facts_lead_to_both_with_the_articles_named() -> None:
    found = ask(fixed_format=True, changing_facts=True)
    assert (found.first, found.leads_to) == ("prompt", "tune_and_retrieve")
    assert found.reasons[0] == "answers must always have one structure or style (articles 001, 002, 003)"
    assert {trigger.name for trigger in found.triggers if trigger.holds} == {"fixed_format", "changing_facts"}


@pytest.mark.parametrize(
    ("tried", "first"),
    [({}, "prompt"), ({"prompt_tried": True}, "retrieve"),
     ({"prompt_tried": True, "retrieval_tried": True}, "not_enough_evidence")],
)  # fmt: skip
def test_steps_are_taken_in_order_and_then_measured(tried: dict[str, bool], first: str) -> None:
    assert ask(jargon=True, **tried).first == first


def test_an_expert_who_could_answer_leaves_nothing_to_teach() -> None:
    config = AssessConfig(expects=ExpectsConfig(fixed_format=True), expert_could_answer="yes")
    assert advise("p", config).leads_to == "prompt"


def test_what_nobody_answered_is_named_and_decides_nothing() -> None:
    found = ask()
    assert found.leads_to == "not_enough_evidence"
    assert "assess.expects.clean_rows" in found.unanswered
    assert "assess.expert_could_answer" in found.unanswered
    assert all(trigger.source.startswith("article") for trigger in found.triggers)
