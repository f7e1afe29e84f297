"""Time, money, refusals and offers of a plan."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from luthier.errors import Refused, UnknownName
from luthier.train.config import LoraConfig, TrainConfig
from luthier.train.plan.advice import fits, would_fit
from luthier.train.plan.compute import Work, forward_flops, training_flops
from luthier.train.plan.hardware import Hardware, known_machines
from luthier.train.plan.planning import plan, require_a_place
from luthier.train.plan.settings import evaluations_of, tuning_of
from luthier.train.plan.shapes import ModelShape
from luthier.train.plan.tuning import Kind, Tuning
from luthier.train.plan.types import TrainingPlan
from tests.unit.train.plan import shapes

TODAY = date(2026, 5, 20)
SHAPE = ModelShape.of_config(shapes.LLAMA_8B)


def _tuning(kind: Kind = "lora", **changes: Any) -> Tuning:
    rank = None if kind == "none" else 16
    return Tuning.model_validate({"kind": kind, "rank": rank, "tokens_at_once": 4096, "row_tokens": 4096} | changes)


def _plan(tuning: Tuning, *only: str, work: Work | None = None, model: dict[str, object] = shapes.LLAMA_8B,
          today: date = TODAY) -> TrainingPlan:  # fmt: skip
    shape = ModelShape.of_config(model)
    return plan(shape, tuning, work, known_machines(), model="it", today=today, only=only)


def test_one_token_of_lora_on_8b_is_32_billion_operations_or_so() -> None:
    """NeMo AutoModel reports 402 TFLOP/s at 12,473 tokens/s: 32.2 billion operations a token, attention left out."""
    without_attention = training_flops(SHAPE, _tuning(row_tokens=1))
    assert without_attention == pytest.approx(402e12 / 12_473, rel=0.07)


def test_flops_of_a_token_are_as_worked_out_by_hand() -> None:
    multiplied = 8_030_261_248 - 128_256 * 4096 - 65 * 4096  # without looked-up embeddings and norms
    attention = 2 * 4096 * 4096 * 32
    assert forward_flops(SHAPE, 4096) == 2 * multiplied + attention
    assert training_flops(SHAPE, _tuning()) == 4 * multiplied + 3 * attention + 6 * 41_943_040
    assert training_flops(SHAPE, _tuning("none")) == 6 * multiplied + 3 * attention
    again = training_flops(SHAPE, _tuning(is_checkpointed=True)) - training_flops(SHAPE, _tuning())
    assert again == forward_flops(SHAPE, 4096)


def test_hours_and_price_follow_from_the_machine_and_the_tokens() -> None:
    work = Work(training_tokens=10_000_000, epochs=3, counted_by="as given")
    placed = _plan(_tuning(), "h100-80gb", work=work).placements[0]
    by_hand = 30_000_000 * training_flops(SHAPE, _tuning()) / 395.6e12 / 3600
    assert placed.hours == pytest.approx(by_hand)
    assert placed.price is not None
    assert placed.price.amount == (Decimal(str(by_hand)) * 3).quantize(Decimal("0.01"))
    assert placed.price.currency == "USD"


def test_two_devices_take_half_the_hours_at_the_same_price() -> None:
    work = Work(training_tokens=1_000_000_000, epochs=1, counted_by="as given")
    one = _plan(_tuning(), "h100-80gb", work=work).placements[0]
    two = _plan(_tuning(devices=2), "h100-80gb", work=work).placements[0]
    assert one.hours is not None
    assert two.hours == pytest.approx(one.hours / 2)
    assert one.price is not None
    assert two.price is not None
    assert abs(one.price.amount - two.price.amount) <= Decimal("0.01")


def test_looks_at_the_validation_rows_cost_time() -> None:
    bare = Work(training_tokens=1000, epochs=1, counted_by="as given")
    looking = bare.model_copy(update={"validation_tokens": 500, "evaluations": 3})
    first, second = (_plan(_tuning(), "h100-80gb", work=work).flops for work in (bare, looking))
    assert first is not None
    assert second == first + 1500 * forward_flops(SHAPE, 4096)


def test_without_tokens_there_is_neither_time_nor_price_and_it_says_so() -> None:
    found = _plan(_tuning(), "h100-80gb")
    assert (found.flops, found.placements[0].hours, found.placements[0].price) == (None, None, None)
    assert any("--tokens" in note for note in found.notes)


def test_a_machine_without_a_price_gives_hours_and_no_price() -> None:
    work = Work(training_tokens=1000, epochs=1, counted_by="as given")
    placed = _plan(_tuning("qlora"), "a6000-48gb", work=work).placements[0]
    assert placed.hours is not None
    assert placed.price is None


def test_a_price_older_than_half_a_year_is_called_old() -> None:
    row = known_machines()["h100-80gb"]
    last_fresh_day = date.fromordinal(row.as_of.toordinal() + 180)
    assert row.staleness(last_fresh_day) is None
    assert "181 days" in str(row.staleness(date.fromordinal(last_fresh_day.toordinal() + 1)))
    found = _plan(_tuning(), "h100-80gb", today=date(2027, 6, 1))
    assert "look it up" in found.placements[0].warnings[0]


def test_what_fits_nowhere_asked_is_refused_with_what_would_fit() -> None:
    """22 bytes a parameter are 1,446 GiB: 90 on each of 16 cards, 45 on each of 32."""
    tuning = _tuning("none", devices=8, is_sharded=True, is_checkpointed=True, tokens_at_once=512, row_tokens=512)
    found = _plan(tuning, "h100-80gb", model=shapes.LLAMA_70B)
    with pytest.raises(Refused, match=r"8 x h100-80gb, which has 79\.7 GiB") as refused:
        require_a_place(found)
    assert "32 x h100-80gb with the weights shared out" in refused.value.hint
    require_a_place(_plan(_tuning("qlora"), "h100-80gb"))


def test_offers_come_in_the_order_of_what_they_give_up() -> None:
    tuning = _tuning(tokens_at_once=32_768, row_tokens=1024)
    offers = would_fit(SHAPE, tuning, "a100-80gb", known_machines())
    assert offers[0].startswith("train.micro_batch_tokens=1024")
    assert "train.activation_checkpointing=true" in offers[1]
    assert "train.adapter.kind=qlora" in offers[2]


def test_a_card_without_half_precision_is_planned_in_float() -> None:
    found = _plan(_tuning(), "t4-16gb")
    assert found.placements[0].tuning.precision == "fp32"
    assert found.placements[0].need.weights == 8_030_261_248 * 4


def test_an_offer_holds_what_it_promises() -> None:
    machines = known_machines()
    offers = would_fit(SHAPE, _tuning(), "l40s-48gb", machines)
    assert "1 x h100-80gb as it is" in offers
    assert fits(SHAPE, _tuning(), machines["h100-80gb"])
    assert not fits(SHAPE, _tuning(), machines["a6000-48gb"])


def test_an_unknown_machine_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="h100") as refused:
        _plan(_tuning(), "h100-80g")
    assert "h100-80gb" in refused.value.hint


def test_every_known_machine_has_a_date_and_a_source() -> None:
    machines = known_machines()
    assert len(machines) >= 8
    assert all(
        isinstance(row, Hardware) and row.source and row.as_of <= date(2026, 11, 24) for row in machines.values()
    )


def test_the_train_section_decides_the_plan() -> None:
    config = TrainConfig(adapter=LoraConfig(rank=4, layers=("q_proj",)), optimizer="muon", micro_batch_tokens=100)
    found = tuning_of(config, longest=300)
    assert (found.rank, found.layers, found.optimizer) == (4, ("q_proj",), "muon")
    assert (found.tokens_at_once, found.row_tokens) == (300, 300)
    assert not found.is_checkpointed
    again = tuning_of(config.model_copy(update={"activation_checkpointing": True}), longest=300)
    assert again.is_checkpointed
    shorter = tuning_of(config.model_copy(update={"max_tokens_per_example": 64}), longest=300)
    assert (shorter.tokens_at_once, shorter.row_tokens) == (100, 64)


def test_evaluations_are_one_before_the_first_step_and_one_per_share_of_an_epoch() -> None:
    assert evaluations_of(TrainConfig(epochs=2, evaluate_every_epochs=0.5)) == 5


def test_every_price_has_its_day_and_a_source_that_says_whether_anybody_checked_it() -> None:
    priced = {name: row for name, row in known_machines().items() if row.price_per_hour is not None}
    assert len(priced) > 4
    for name, row in priced.items():
        assert row.as_of <= date(2026, 11, 25), name
        assert "to be checked" in row.source, name
