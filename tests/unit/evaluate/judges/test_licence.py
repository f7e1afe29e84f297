"""Judges examined on people's labels: degenerate ones are refused, one that answers as a person does is licensed."""

import os
import random
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from luthier.domain.answers import Answer
from luthier.errors import EngineFault, Faults, MissingInput
from luthier.evaluate.judges.config import JudgeConfig, LicenceConfig
from luthier.evaluate.judges.degenerate import degenerate_judges
from luthier.evaluate.judges.items import Item, Label, Labelled
from luthier.evaluate.judges.labels import read_labels
from luthier.evaluate.judges.licence import Licence, examine
from luthier.evaluate.judges.panel import Asking, opinions
from tests.unit.evaluate.judges.benches import Bench, Judging, Shown, as_person, first, longest, preferring

REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", Path(__file__).parents[5] / "shared" / "data"))
PANDALM = REAL_DATA / "pandalm" / "data" / "testset-v1.json"
LLMBAR = REAL_DATA / "llmbar" / "Dataset" / "LLMBar"
needs_pandalm = pytest.mark.skipif(not PANDALM.exists(), reason=f"{PANDALM} is absent; set LUTHIER_REAL_DATA")
needs_llmbar = pytest.mark.skipif(not LLMBAR.exists(), reason=f"{LLMBAR} is absent; set LUTHIER_REAL_DATA")
TWO = LicenceConfig(people=("annotator1", "annotator2"), author="llama-7b")
PAIR = JudgeConfig(model="grader", kind="pairwise", criteria="The better answer is right and says no more than asked.")
RUBRIC = JudgeConfig(model="grader", criteria="A good answer is right and short.")


def made_pairs(count: int, *, seed: int = 1) -> list[Labelled]:
    """Pairs on which two people agree four times in five; length says nothing."""
    draws = random.Random(seed)
    rows = []
    for number in range(count):
        side = draws.choice(["a", "b", "b", "tie"])
        other = side if draws.random() < 0.8 else draws.choice(["a", "b", "tie"])
        answers = tuple(f"{name} {number} {'x' * draws.randint(0, 40)}" for name in ("one", "two"))
        item = Item(id=str(number), question=f"question {number}", answers=answers)
        rows.append(Labelled(item=item, people={"anna": side, "ben": other}, authors=("m1", "m2"), group=str(number)))
    return rows


def made_marks(count: int, *, seed: int = 1) -> list[Labelled]:
    draws = random.Random(seed)
    rows = []
    for number in range(count):
        mark = draws.randint(1, 5)
        item = Item(id=str(number), question=f"q {number}", answers=(f"{number} {'x' * draws.randint(0, 40)}",))
        people: dict[str, Label] = {"anna": mark, "ben": max(1, mark - draws.randint(0, 1))}
        rows.append(Labelled(item=item, people=people, group=str(number)))
    return rows


def examined(rows: Sequence[Labelled], judging: Judging, config: JudgeConfig = PAIR) -> Licence:
    given = opinions(Bench(judging), config, [row.item for row in rows])
    return examine("grader", config, rows, given, judge_digest="0" * 64)


def refusals(found: Licence) -> set[str]:
    return {name for name, check in found.checks.items() if check.outcome == "fail"}


@needs_pandalm
def test_a_judge_that_answers_as_pandalm_s_third_annotator_is_licensed_on_the_other_two() -> None:
    config = PAIR.model_copy(update={"licence": TWO})
    all_three = read_labels(PANDALM, PAIR)
    rows = read_labels(PANDALM, config)
    found = examined(rows, as_person(all_three, "annotator3"), config)
    assert found.verdict.outcome == "pass"
    assert found.people == ("annotator1", "annotator2")
    kappas = {name: figure.value for name, figure in found.each.items()}
    assert kappas == pytest.approx({"annotator1": 0.8789, "annotator2": 0.8617}, abs=5e-5)  # published
    assert found.among_people is not None
    assert found.among_people.value == pytest.approx(0.8520, abs=5e-5)  # published
    assert found.alpha_with.value == pytest.approx(0.8642, abs=5e-5)  # published, of all three
    assert found.n == 999
    assert {"first", "longest", "self-preferring"} <= found.rivals.keys()


@needs_pandalm
@pytest.mark.parametrize("name", ["first", "longest", "self-preferring", "always-5"])
def test_degenerate_judges_are_refused_on_pandalm(name: str) -> None:
    config = PAIR.model_copy(update={"licence": TWO})
    rows = read_labels(PANDALM, config)
    judging = {
        "first": first, "longest": longest, "self-preferring": preferring("llama-7b", rows), "always-5": lambda _: "5",
    }[name]  # fmt: skip
    found = examined(rows, judging, config)
    assert found.verdict.outcome == "fail"
    expected = {"first": "beats:first", "always-5": "readable"}.get(name, f"beats:{name}")
    assert expected in refusals(found)
    assert "agreement" in refusals(found)


@needs_llmbar
@pytest.mark.parametrize("judging", [first, longest, lambda _: "5"], ids=["first", "longest", "always-5"])
@pytest.mark.parametrize("part", ["Natural", "Adversarial/GPTInst", "Adversarial/Neighbor"])
def test_degenerate_judges_are_refused_on_llmbar(judging: Judging, part: str) -> None:
    config = PAIR.model_copy(update={"licence": LicenceConfig(minimum_rows=90)})
    found = examined(read_labels(LLMBAR / part / "dataset.json", config), judging, config)
    assert found.verdict.outcome == "fail"


@needs_llmbar
def test_a_judge_that_answers_as_llmbar_s_expert_is_licensed() -> None:
    rows = read_labels(LLMBAR / "Natural" / "dataset.json", PAIR)
    found = examined(rows, as_person(rows, "expert"))
    assert (found.verdict.outcome, found.agreement.value, found.among_people) == ("pass", 1.0, None)


def test_always_the_same_mark_is_refused_and_marks_as_a_person_gives_them_are_licensed() -> None:
    rows = made_marks(150)
    marks = {row.item.answers[0]: row.people["anna"] for row in rows}
    assert "beats:always-5" in refusals(examined(rows, lambda _: "5", RUBRIC))
    by_length = examined(rows, lambda told: str(min(5, 1 + len(told[1]) // 10)), RUBRIC)
    assert by_length.verdict.outcome == "fail"
    assert examined(rows, lambda told: str(marks[told[1]]), RUBRIC).verdict.outcome == "pass"


def test_a_judge_that_goes_by_the_place_contradicts_itself_into_ties() -> None:
    rows = made_pairs(120)
    found = examined(rows, first)
    assert found.order_bound == 120
    assert found.agreement.value == pytest.approx(0.0, abs=1e-12)


def test_garbage_is_counted_and_each_piece_is_a_disagreement() -> None:
    rows = made_pairs(150)
    right, spoilt = as_person(rows, "anna"), {f"question {number}" for number in range(0, 150, 10)}

    def mumbles(told: Shown) -> str:
        return "Well." if told[0] in spoilt else right(told)

    clean, found = examined(rows, right), examined(rows, mumbles)
    assert (clean.unreadable, clean.verdict.outcome) == (0, "pass")
    assert (found.unreadable, found.votes["unreadable"]) == (15, 30)
    assert found.agreement.value < clean.agreement.value
    assert found.checks["readable"].outcome == "fail"
    assert found.verdict.outcome == "fail"


def test_an_engine_that_fails_is_told_apart_from_one_that_mumbles() -> None:
    class Silent(Bench):
        def ask(self, askings: Sequence[Asking]) -> list[Answer]:
            return [Answer(text=None, finish_reason="error", error="timeout") for _ in askings]

    [given] = opinions(Silent(first), PAIR, [made_pairs(1)[0].item])
    assert (given.votes, given.label) == (("unanswered", "unanswered"), "unreadable")


def test_too_few_labels_are_no_evidence_however_well_the_judge_agrees() -> None:
    rows = made_pairs(40)
    found = examined(rows, as_person(rows, "anna"))
    assert found.verdict.outcome == "not_enough_evidence"


def test_a_judge_that_agrees_too_little_is_refused_though_it_beats_the_degenerate_ones() -> None:
    rows = made_pairs(600)
    right = as_person(rows, "anna")
    found = examined(rows, lambda told: right(told) if int(told[0].split()[1]) % 4 == 0 else "tie")
    assert found.checks["beats:first"].outcome == "pass"
    assert refusals(found) == {"agreement"}


def test_the_same_judge_is_given_the_same_licence_and_order_of_rows_changes_no_figure() -> None:
    rows = made_pairs(110)
    one, again = (examined(rows, as_person(rows, "anna")) for _ in range(2))
    assert one == again
    assert examined(rows[::-1], as_person(rows, "anna")).agreement.value == pytest.approx(one.agreement.value)


def test_every_sample_has_a_seed_of_its_own_and_votes_are_settled_by_majority() -> None:
    config = PAIR.model_copy(update={"samples": 3, "temperature": 0.7})
    bench = Bench(longest)
    item = Item(id="1", question="q", answers=("long answer", "short"))
    [given] = opinions(bench, config, [item])
    assert bench.asked == 6
    assert sorted({asking.decoding.seed for asking in bench.seen}) == [0, 1, 2]
    assert (given.votes, given.label, given.is_order_bound) == (("a",) * 6, "a", False)


def test_a_bench_that_loses_answers_is_a_fault() -> None:
    class Losing(Bench):
        def ask(self, askings: Sequence[Asking]) -> list[Answer]:
            return super().ask(askings)[1:]

    with pytest.raises(EngineFault, match="1 answers to 2"):
        opinions(Losing(first), PAIR, [made_pairs(1)[0].item])


def test_the_degenerate_judge_by_length_deals_out_the_marks_that_people_gave() -> None:
    rows = made_marks(50)
    dealt = degenerate_judges(RUBRIC, rows)["longest"]
    by_length = [mark for _, mark in sorted(zip((len(row.item.answers[0]) for row in rows), dealt, strict=True))]
    assert by_length == sorted(by_length, key=int)
    given = sorted(int(mark) for row in rows for mark in row.people.values())
    assert abs(sum(map(int, dealt)) / 50 - sum(given) / 100) < 0.1


def test_a_file_of_labels_tells_every_fault_at_once(tmp_path: Path) -> None:
    good = {"prompt": "q", "a": "x", "b": "y", "labels": {"anna": "a"}}
    bad = [{**good, "labels": {"anna": "left"}}, {"prompt": "q", "a": "x", "labels": {}}, {**good, "a": 3}, 7]
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in [good, *bad]))
    with pytest.raises(Faults) as told:
        read_labels(path, PAIR)
    assert len(told.value.faults) == 4
    assert "left" in told.value.faults[0]
    with pytest.raises(MissingInput):
        read_labels(tmp_path / "absent.jsonl", PAIR)


def test_our_own_shape_is_read_with_people_authors_and_groups(tmp_path: Path) -> None:
    row = {"prompt": "q", "a": "x", "b": "y", "labels": ["a", None, "tie"], "authors": {"a": "m1", "b": "m2"}}
    path = tmp_path / "labels.jsonl"
    path.write_bytes(orjson.dumps(row) + b"\n" + orjson.dumps({**row, "group": "g"}) + b"\n")
    one, other = read_labels(path, PAIR)
    assert (one.people, one.authors) == ({"person 1": "a", "person 3": "tie"}, ("m1", "m2"))
    assert (other.group, one.group == other.group) == ("g", False)


def test_only_the_people_that_count_are_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    labels = [{"anna": 4}, {"ben": 2, "anna": 3}]
    path.write_bytes(b"\n".join(orjson.dumps({"prompt": "q", "answer": "x", "labels": each}) for each in labels))
    config = RUBRIC.model_copy(update={"licence": LicenceConfig(people=("ben",))})
    assert [row.people for row in read_labels(path, config)] == [{"ben": 2}]
