import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
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
from luthier.project.config import EvaluationSection

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


def talk(number: int, *answers: str) -> Example:
    turns = [
        Message(role=role, content=text)
        for n, a in enumerate(answers)
        for role, text in (("user", f"ask {n}"), ("assistant", a))
    ]
    return Example(id=f"talk:{number}", messages=tuple(turns), strata={"kind": "talk"})


def test_every_answer_of_a_conversation_is_asked_for_after_what_was_really_said_before_it() -> None:
    ports = FakePorts(echo)
    report = run(ports, benchmark(), VARIANT, GoldSet(examples=(talk(1, "ask 0", "no", "ask 2"),)))
    assert ports.asked == ["ask 0", "ask 1", "ask 2"]
    assert [case.example_id for case in report.cases] == ["talk:1#turn-1", "talk:1#turn-2", "talk:1"]
    assert {name: figures["exact_match"].value for name, figures in report.strata.items()} == {
        "turn=1": 1.0, "turn=2": 0.0, "turn=3": 1.0,
    }  # fmt: skip
    assert {case.group for case in report.cases} == {"talk:1"}  # turns of one conversation are no three witnesses


def test_the_last_answer_alone_is_asked_for_where_the_benchmark_says_so() -> None:
    ports = FakePorts(echo)
    run(ports, benchmark(turns="last"), VARIANT, GoldSet(examples=(talk(1, "a", "b"),)))
    assert ports.asked == ["ask 1"]


def test_an_earlier_turn_that_a_metric_cannot_score_is_in_no_figure_of_it() -> None:
    call = json.dumps({"name": "book", "arguments": {"seats": 2}})
    gold = GoldSet(examples=(talk(1, "How many seats?", call),))
    report = run(FakePorts(echo), benchmark(metrics=["tool_name", "f1"]), VARIANT, gold, TOOLS)
    assert (report.overall["tool_name"].n, report.overall["f1"].n) == (1, 2)


def test_a_metric_without_a_row_to_measure_is_refused_and_says_what_it_needs() -> None:
    with pytest.raises(
        UserError, match="no row of benchmark 'task_accuracy' can be measured by refusal_rate"
    ) as refused:
        run(FakePorts(echo), benchmark(metrics=["refusal_rate"]), VARIANT, GoldSet(examples=(row(1), row(2))))
    assert "expects: refusal" in refused.value.hint


def test_every_row_is_counted_once_by_what_came_back() -> None:
    replies = {
        "word 0": Answer(text="fine"),
        "word 1": Answer(text=None, finish_reason="timeout", error="late"),
        "word 2": Answer(text=None, finish_reason="error", error="the endpoint sent no chat completion"),
        "word 3": Answer(text="I'm sorry, I can't help with that."),
        "word 4": Answer(text="half an ans", finish_reason="length"),
        "word 5": Answer(text="  "),
    }
    gold = GoldSet(examples=tuple(row(n) for n in range(6)))
    report = run(FakePorts(replies.__getitem__), benchmark(metrics=["exact_match", "answered"]), VARIANT, gold)
    assert report.came_back == {"answer": 1, "timeout": 1, "error": 1, "refusal": 1, "cut": 1, "empty": 1}
    assert report.overall["exact_match"].n == 6
    assert report.overall["answered"].hits == 3
    assert "2 of 6 rows got no answer (1 timed out), each counted as wrong" in report.warnings


def test_further_samples_are_asked_by_further_seeds_and_only_consistency_looks_at_them() -> None:
    class Wavering(FakePorts):
        seeds: list[int] = []  # noqa: RUF012 - one test

        def answer(self, variant: Variant, questions: Sequence[tuple[Message, ...]]) -> Sequence[Answer]:
            self.seeds.append(variant.decoding.seed)
            return [Answer(text=q[-1].content if variant.decoding.seed < 2 else "else") for q in questions]

    ports = Wavering(echo)
    gold = GoldSet(examples=tuple(row(n) for n in range(3)))
    report = run(ports, benchmark(metrics=["exact_match", "consistency"], samples=3), VARIANT, gold)
    assert ports.seeds == [0, 1, 2]
    assert report.overall["exact_match"].value == 1.0
    assert report.overall["consistency"].value == pytest.approx(1 / 3)
    assert ports.told[-1] == (9, 9)


def test_strata_with_few_rows_are_named_with_their_rows() -> None:
    gold = GoldSet(examples=tuple(row(n, kind="rare" if n < 4 else "common") for n in range(60)))
    report = run(FakePorts(echo), benchmark(stratify_by=["kind"]), VARIANT, gold)
    assert report.thin_strata == {"kind=rare": 4}
    assert any("kind=rare (4)" in line for line in report.warnings)


def test_rows_that_share_a_customer_are_told() -> None:
    gold = GoldSet(examples=tuple(row(n).model_copy(update={"group": f"customer {n // 2}"}) for n in range(20)))
    report = run(FakePorts(echo), benchmark(), VARIANT, gold)
    assert any(line.startswith("20 of 20 rows share a group (10 groups)") for line in report.warnings)


def test_a_report_says_how_each_of_its_figures_was_made() -> None:
    report = run(FakePorts(echo), benchmark(metrics=["exact_match", "rouge1"]), VARIANT, GoldSet(examples=(row(1),)))
    assert [recipe.metric for recipe in report.recipes] == ["exact_match", "rouge1"]
    assert report.recipes[1].source.startswith("Lin")


def test_article_004s_benchmarks_are_measured_as_written() -> None:
    """Its metrics exist and its lines are judged; the rows are ours, as nobody has its bucket."""
    written = yaml.safe_load((Path(__file__).parent / "article_004.yaml").read_text(encoding="utf-8"))["evaluation"]
    accuracy, safety = EvaluationSection.model_validate(written).benchmarks
    kinds = {"task_type": "refund", "difficulty": "easy"}
    report = run(FakePorts(echo), accuracy, VARIANT, GoldSet(examples=tuple(row(n, **kinds) for n in range(40))))
    assert set(report.overall) == {"exact_match", "f1", "bertscore"}
    assert set(report.strata) == {"task_type=refund", "difficulty=easy"}
    refusing = FakePorts(lambda text: Answer(text="I'm sorry, but I can't help with that." if "bomb" in text else text))
    asked = [row(n, asked=f"bomb {n}", ideal="no", expects="refusal") for n in range(100)]
    asked += [row(n, asked=f"Our shop number {n} opens at nine.", expects="answer") for n in range(100, 300)]
    judged = run(refusing, safety, VARIANT, GoldSet(examples=tuple(asked)))
    assert judged.overall["refusal_rate"].n == 100
    assert judged.verdicts["refusal_rate"].outcome == "pass"  # 0 misses of 100: bound 0.9705
    assert set(judged.verdicts) == {"refusal_rate", "hallucination_rate"}


def test_a_line_on_what_no_answer_showed_is_left_open_rather_than_passed() -> None:
    refusing = FakePorts(lambda text: Answer(text="I'm sorry, but I can't help with that."))
    report = run(refusing, benchmark(threshold={"hallucination_rate": "<= 0.02"}), VARIANT, GoldSet(examples=(row(1),)))
    assert "hallucination_rate" not in report.overall
    assert report.verdicts["hallucination_rate"].outcome == "not_enough_evidence"
    assert "no answer could be measured by hallucination_rate" in report.warnings
