"""Laws of the plain values: frozen, strict, one digest."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.domain.digests import canonical_json, digest_of
from luthier.domain.examples import Example, Message
from luthier.domain.money import Money, TokenPrice
from luthier.domain.releases import GateDecision, Override
from luthier.domain.snapshots import GoldSet
from luthier.domain.variants import ModelRef, Variant
from luthier.domain.verdicts import Verdict

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**6), max_value=10**6)
USER, IDEAL = Message(role="user", content="hello"), Message(role="assistant", content="good day")


def example(identity: str = "a:1", **tags: str) -> Example:
    return Example(id=identity, messages=(USER, IDEAL), strata=tags)


def variant(name: str = "prompt", prompt: str = "Be brief.") -> Variant:
    return Variant(name=name, model=ModelRef(engine="local", id="bundled"), prompt=prompt)


def test_the_digest_of_nothing_is_sha256_of_two_braces() -> None:
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_canonical_json_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=5))
def test_order_of_keys_changes_no_digest(value: dict[str, int]) -> None:
    assert digest_of(dict(reversed(value.items()))) == digest_of(value)


def test_one_changed_byte_of_a_gold_row_changes_its_digest() -> None:
    before = GoldSet(examples=(example("a:1"), example("a:2")))
    edited = example("a:2").model_copy(update={"messages": (USER, Message(role="assistant", content="good day."))})
    assert GoldSet(examples=(example("a:1"), edited)).digest != before.digest


def test_a_gold_set_without_rows_cannot_be_made() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        GoldSet(examples=())


def test_order_of_tags_changes_no_digest_and_tags_change_no_content_digest() -> None:
    one, other = example(task="a", level="b"), example(level="b", task="a")
    assert one.digest == other.digest
    assert example(task="c").content_digest == one.content_digest
    assert example(task="c").digest != one.digest


@pytest.mark.parametrize("messages", [(USER, USER), (IDEAL, IDEAL), (IDEAL,)])
def test_a_conversation_without_question_or_ideal_answer_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(ValidationError):
        Example(id="a:1", messages=messages)


def test_a_name_changes_no_variant_and_a_prompt_does() -> None:
    assert variant(name="other").digest == variant().digest
    assert variant(prompt="Be brief!").digest != variant().digest


def test_values_are_frozen_and_know_their_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        variant().name = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="extra"):
        Message.model_validate({"role": "user", "content": "x", "colour": "red"})


@given(amounts, amounts)
def test_money_adds_to_the_last_digit(one: Decimal, other: Decimal) -> None:
    assert (Money(amount=one) + Money(amount=other)).amount == one + other


def test_two_currencies_never_add() -> None:
    with pytest.raises(ValueError, match="do not add"):
        Money(currency="EUR") + Money(currency="USD")


def test_a_million_tokens_in_and_half_a_million_out_cost_what_the_list_says() -> None:
    price = TokenPrice(input_per_million=Decimal("2.50"), output_per_million=Decimal("10"))
    assert price.of(1_000_000, 500_000) == Money(amount=Decimal("7.5"))


@pytest.mark.parametrize(("outcome", "lets"), [("pass", True), ("fail", False), ("not_enough_evidence", False)])
def test_only_a_pass_or_an_override_lets_through(outcome: str, lets: bool) -> None:
    verdict = Verdict.model_validate({"outcome": outcome, "reasons": ()})
    gate = GateDecision(variant="tuned", variant_digest="d", verdict=verdict, checks={})
    override = Override(by="eve", reason="needed for the drill", at=datetime(2026, 1, 1, tzinfo=UTC))
    assert gate.lets_through is lets
    assert gate.model_copy(update={"override": override}).lets_through


def test_an_override_without_a_real_reason_cannot_be_made() -> None:
    with pytest.raises(ValidationError, match="at least 10"):
        Override(by="eve", reason="because", at=datetime(2026, 1, 1, tzinfo=UTC))
