import json
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.domain.money import Money
from luthier.domain.snapshots import GoldSet
from luthier.domain.variants import ModelRef, Variant
from luthier.errors import EngineFault, Faults, UnknownName, UserError
from luthier.evaluate.config import BenchmarkConfig
from luthier.evaluate.stage import ROWS_AT_ONCE, run

VARIANT = Variant(name="prompt", model=ModelRef(engine="local", id="bundled"), prompt="Be brief.")
TOOLS = (ToolSpec(name="book", parameters={"type": "object", "properties": {"seats": {"type": "integer"}}}),)


class FakePorts:
    """Answers each question by a function of its text, and remembers what it was asked."""

    def __init__(self, reply: Callable[[str], Answer]) -> None:
        self.reply = reply
        self.asked: list[str] = []
        self.told: list[tuple[int, int]] = []

    def answer(self, variant: Variant, questions: Sequence[tuple[Message, ...]]) -> Sequence[Answer]:
        texts = [question[-1].content for question in questions]
        self.asked += texts
        return [self.reply(text) for text in texts]

    def passages(self, variant: Variant, ids: Sequence[str]) -> Sequence[str]:
        return [f"what {each} says" for each in ids]

    def progress(self, done: int, of: int) -> None:
        self.told.append((done, of))


def echo(text: str) -> Answer:
    return Answer(text=text)


def row(number: int, *, ideal: str | None = None, asked: str | None = None, **tags: str) -> Example:
    asked = asked or f"word {number}"
    messages = (Message(role="user", content=asked), Message(role="assistant", content=ideal or asked))
    return Example(id=f"gold:{number}", messages=messages, strata=tags)


def benchmark(**said: object) -> BenchmarkConfig:
    return BenchmarkConfig.model_validate({"name": "task_accuracy", "metrics": ["exact_match"], **said})


def test_figures_verdicts_and_cases_are_the_hand_count() -> None:
    gold = GoldSet(examples=tuple(row(n, ideal="other" if n < 9 else None) for n in range(500)))
    ports = FakePorts(echo)
    report = run(ports, benchmark(threshold={"exact_match": ">= 0.97"}), VARIANT, gold)
    figure = report.overall["exact_match"]
    expected = stats.binomtest(491, 500).proportion_ci(0.95, method="wilson")
    assert (figure.value, figure.hits, figure.n) == (0.982, 491, 500)
    assert (figure.low, figure.high) == pytest.approx((expected.low, expected.high))
    assert report.verdicts["exact_match"].outcome == "not_enough_evidence"  # exact lower bound 0.9688
    assert [case.example_id for case in report.cases] == [example.id for example in gold.examples]
    assert report.cases[3].scores == {"exact_match": 0.0}
    assert (report.gold, report.variant_digest) == (gold.digest, VARIANT.digest)
    assert report.warnings == ()
    assert ports.asked == [example.asked for example in gold.examples]


def test_progress_is_told_after_every_part() -> None:
    ports = FakePorts(echo)
    run(ports, benchmark(), VARIANT, GoldSet(examples=tuple(row(n) for n in range(ROWS_AT_ONCE + 1))))
    assert ports.told == [(ROWS_AT_ONCE, ROWS_AT_ONCE + 1), (ROWS_AT_ONCE + 1, ROWS_AT_ONCE + 1)]


def test_unknown_metrics_are_refused_all_at_once_before_anything_is_asked() -> None:
    ports = FakePorts(echo)
    with pytest.raises(UnknownName, match="meteor, perplexity_rate"):
        run(
            ports,
            benchmark(metrics=["meteor", "f1"], threshold="perplexity_rate >= 0.95"),
            VARIANT,
            GoldSet(examples=(row(1),)),
        )
    assert ports.asked == []


def test_a_call_metric_without_tools_is_refused_before_anything_is_asked() -> None:
    ports = FakePorts(echo)
    with pytest.raises(UserError, match="no tools were given"):
        run(ports, benchmark(metrics=["valid_call"]), VARIANT, GoldSet(examples=(row(1),)))
    assert ports.asked == []


def test_ideals_that_cannot_be_scored_and_doubled_rows_are_told_together_before_anything_is_asked() -> None:
    ports = FakePorts(echo)
    with pytest.raises(Faults) as refused:
        run(ports, benchmark(metrics=["tool_name"]), VARIANT, GoldSet(examples=(row(1), row(2), row(2))), TOOLS)
    assert len(refused.value.faults) == 4
    assert "'gold:2' is there more than once" in refused.value.faults[-1]
    assert ports.asked == []


def test_every_stratum_is_measured_and_what_is_missing_is_named() -> None:
    rows = [row(n, task_type="create" if n % 3 else "update", ideal=None if n % 2 else "x") for n in range(12)]
    rows[5] = row(5)
    report = run(
        FakePorts(echo), benchmark(stratify_by=["task_type", "difficulty"]), VARIANT, GoldSet(examples=tuple(rows)),
        expected_strata=["task_type=create", "task_type=delete"],
    )  # fmt: skip
    figures = {
        stratum: (figure["exact_match"].hits, figure["exact_match"].n) for stratum, figure in report.strata.items()
    }
    # odd rows are right; update is 0, 3, 6, 9; create is the rest but 5, which carries no tag
    assert figures == {"task_type=create": (3, 7), "task_type=update": (2, 4)}
    assert report.missing_strata == ("difficulty", "task_type=delete")
    assert "1 of 12 rows carry no 'task_type', so they are in no stratum of it" in report.warnings


def test_conversations_of_several_turns_are_measured_by_turn() -> None:
    later = Example(
        id="gold:9",
        messages=(*row(1).messages, Message(role="user", content="and now?"), Message(role="assistant", content="x")),
    )
    report = run(FakePorts(echo), benchmark(), VARIANT, GoldSet(examples=(row(1), row(2), later)))
    assert {stratum: figure["exact_match"].value for stratum, figure in report.strata.items()} == {
        "turn=1": 1.0,
        "turn=2": 0.0,
    }


def test_no_answer_is_wrong_and_told() -> None:
    gold = GoldSet(examples=tuple(row(n) for n in range(4)))
    report = run(
        FakePorts(lambda text: Answer(text=None, finish_reason="error", error="timeout")), benchmark(), VARIANT, gold
    )
    assert report.overall["exact_match"].value == 0.0
    assert {case.fault for case in report.cases} == {"no_answer"}
    assert report.warnings == (
        "only 4 rows; 200 or more are asked of a benchmark",
        "4 of 4 rows got no answer, each counted as wrong",
    )


def test_cut_answers_and_unsound_ideals_are_told() -> None:
    sound, unsound = (json.dumps({"name": "book", "arguments": {"seats": seats}}) for seats in (2, "two"))
    gold = GoldSet(examples=(row(1, ideal=sound), row(2, ideal=unsound)))
    ports = FakePorts(lambda text: Answer(text='{"name": "book", "arg', finish_reason="length"))
    report = run(ports, benchmark(metrics=["valid_call"]), VARIANT, gold, TOOLS)
    assert [case.fault for case in report.cases] == ["not_json", "not_json"]
    assert "2 of 2 answers were cut at the token limit" in report.warnings
    assert "1 of 2 ideal answers are themselves no valid call" in report.warnings


def test_cost_and_seconds_are_the_sums_of_the_answers() -> None:
    spent = Money(amount=Decimal("0.003"), currency="USD")
    ports = FakePorts(lambda text: Answer(text=text, cost=spent, latency_seconds=0.5))
    report = run(ports, benchmark(), VARIANT, GoldSet(examples=tuple(row(n) for n in range(4))))
    assert report.cost == Money(amount=Decimal("0.012"), currency="USD")
    assert report.seconds == 2.0


def test_an_engine_that_loses_an_answer_is_at_fault() -> None:
    class Loses(FakePorts):
        def answer(self, variant: Variant, questions: Sequence[tuple[Message, ...]]) -> Sequence[Answer]:
            return super().answer(variant, questions)[1:]

    with pytest.raises(EngineFault, match="gave 2 answers to 3 questions"):
        run(Loses(echo), benchmark(), VARIANT, GoldSet(examples=tuple(row(n) for n in range(3))))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), min_size=1, max_size=20))
def test_strata_add_up_to_the_whole_and_order_of_rows_changes_no_figure(rows: list[tuple[bool, str]]) -> None:
    examples = tuple(row(n, ideal=None if right else "x", kind=kind) for n, (right, kind) in enumerate(rows))
    one, other = (
        run(
            FakePorts(echo),
            benchmark(metrics=["exact_match", "f1"], stratify_by=["kind"]),
            VARIANT,
            GoldSet(examples=part),
        )
        for part in (examples, examples[::-1])
    )
    assert (one.overall, one.strata) == (other.overall, other.strata)
    assert sum(figure["exact_match"].n for figure in one.strata.values()) == len(rows)
    assert sum(figure["exact_match"].hits or 0 for figure in one.strata.values()) == one.overall["exact_match"].hits
