"""One request becomes the same messages wherever it is rendered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.domain.variants import ModelRef, RetrievalRef, ShotChoice, Variant
from luthier.errors import MissingInput, UserError
from luthier.variants.answering import answer_all
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.nearest import NearestEngine
from luthier.variants.rendering import messages_for
from luthier.variants.retrieval.documents import Passage
from luthier.variants.retrieval.index import Index
from luthier.variants.shots import choose_shots, pick_shots, shots_for

MODEL = ModelRef(engine="local", id="bundled")
TOOL = ToolSpec(name="add", parameters={})
PASSAGES = (
    Passage(id="a", title="Acme\nTraders", text="ACC-1\n\nLeeds"),
    Passage(id="b", title="", text="Net 30."),
)


def user(text: str) -> Message:
    return Message(role="user", content=text)


def example(name: str, asked: str = "q", ideal: str = "a", **strata: str) -> Example:
    messages = (Message(role="system", content="old"), user(asked), Message(role="assistant", content=ideal))
    return Example(id=name, messages=messages, strata=strata)


def test_prompt_shots_passages_and_question_stand_in_that_order() -> None:
    variant = Variant(name="v", model=MODEL, prompt="Use {{ tools }}", shots=(example("s", "hi", "ho"),))
    assert messages_for(variant, [user("mail")], PASSAGES, [TOOL]) == (
        Message(role="system", content='Use [{"name":"add","parameters":{}}]'),
        user("hi"),
        Message(role="assistant", content="ho"),
        user("[1] Acme Traders: ACC-1 Leeds\n[2] Net 30.\n\nmail"),
    )


def test_passages_stand_before_the_last_question_of_a_conversation() -> None:
    variant = Variant(name="v", model=MODEL, prompt="")
    turns = [user("one"), Message(role="assistant", content="two"), user("three")]
    assert messages_for(variant, turns, PASSAGES[1:]) == (*turns[:2], user("[1] Net 30.\n\nthree"))


def test_a_template_that_places_the_passages_is_left_to_it() -> None:
    variant = Variant(name="v", model=MODEL, prompt="{% for p in passages %}<{{ p.id }}>{% endfor %}")
    assert messages_for(variant, [user("mail")], PASSAGES) == (Message(role="system", content="<a><b>"), user("mail"))


def test_a_system_turn_of_the_question_follows_the_prompt() -> None:
    variant = Variant(name="v", model=MODEL, prompt="Ours.")
    asked = [Message(role="system", content="Theirs."), user("mail")]
    assert messages_for(variant, asked) == (Message(role="system", content="Ours.\n\nTheirs."), user("mail"))
    assert messages_for(variant.model_copy(update={"prompt": ""}), [user("mail")]) == (user("mail"),)


def test_shots_take_one_of_each_stratum_before_a_second() -> None:
    pool = [example(f"{kind}{i}", kind=kind) for kind, count in (("a", 5), ("b", 3), ("c", 1)) for i in range(count)]
    kinds = [shot.strata["kind"] for shot in pick_shots(pool, 6, seed=1)]
    assert kinds == ["a", "b", "c", "a", "b", "a"]


@given(st.permutations(range(12)), st.integers(0, 12), st.integers(0, 5))
def test_shots_depend_on_the_seed_and_not_on_the_order(order: list[int], count: int, seed: int) -> None:
    pool = [example(f"e{i}", kind=str(i % 3)) for i in range(12)]
    picked = pick_shots([pool[i] for i in order], count, seed=seed)
    assert picked == pick_shots(pool, count, seed=seed)
    assert len({shot.id for shot in picked}) == count


def test_more_shots_than_examples_are_refused() -> None:
    with pytest.raises(UserError, match="3 worked examples were asked of 1"):
        pick_shots([example("a")], 3, seed=0)


def shot(name: str, asked: str) -> Example:
    return Example(id=name, messages=(user(asked), Message(role="assistant", content=name)))


POOL = (
    shot("refund1", "I want a refund for my broken chair"),
    shot("refund2", "I want a refund for my broken table"),
    shot("visit", "please book a visit on Monday"),
    shot("refund3", "money back for a late delivery"),
)
CHOOSING = Variant(name="v", model=MODEL, prompt="", shots=POOL, shot_choice=ShotChoice(how="similar", count=2))


def test_similar_shots_are_the_closest_to_the_question_and_the_closest_stands_last() -> None:
    chosen = shots_for(CHOOSING, [user("I want a refund for my broken table and chair, mostly the table")])
    assert [each.id for each in chosen] == ["refund1", "refund2"]
    assert [each.id for each in shots_for(CHOOSING, [user("can you book a visit on Monday?")])][-1] == "visit"


def test_diverse_shots_do_not_repeat_each_other() -> None:
    asked = "I want a refund for my broken chair and table"
    close = choose_shots(POOL, asked, 2, relevance=1.0)
    spread = choose_shots(POOL, asked, 2, relevance=0.4)
    assert {each.id for each in close} == {"refund1", "refund2"}
    assert len({each.id for each in spread} & {"refund1", "refund2"}) == 1


def test_a_question_is_never_shown_its_own_answer() -> None:
    assert "visit" not in {each.id for each in shots_for(CHOOSING, [user("please book a visit on Monday")])}


def test_chosen_shots_are_what_the_model_sees() -> None:
    seen = messages_for(CHOOSING, [user("book a visit on Monday please")])
    assert len(seen) == 2 * 2 + 1
    assert Message(role="assistant", content="visit") in seen


@given(st.text(max_size=40), st.integers(1, 6), st.sampled_from([1.0, 0.5]))
def test_every_choice_is_as_many_different_shots_as_there_are(asked: str, count: int, relevance: float) -> None:
    chosen = choose_shots(POOL, asked, count, relevance=relevance)
    assert len({each.id for each in chosen}) == len(chosen) == min(count, len(POOL))


class Echo:
    """Answers with the last message and notes the size of each call."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def answer(self, requests: list[EngineRequest]) -> list[Answer]:
        self.sizes.append(len(requests))
        return [Answer(text=request.messages[-1].content) for request in requests]


@given(st.lists(st.text(alphabet="ab ", max_size=30), max_size=12), st.integers(1, 5))
def test_answers_come_back_in_the_order_of_the_questions(texts: list[str], size: int) -> None:
    engine, heard = Echo(), list[tuple[int, int]]()
    variant = Variant(name="v", model=MODEL, prompt="p")
    answers = answer_all(
        variant, [[user(text)] for text in texts], engine=engine, batch_size=size,
        progress=lambda done, of: heard.append((done, of)),
    )  # fmt: skip
    assert [answer.text for answer in answers] == texts
    assert sum(engine.sizes) == len(texts)
    assert all(each <= size for each in engine.sizes)
    assert heard[-1:] == ([(len(texts), len(texts))] if texts else [])


def test_sources_name_the_passages_that_were_shown() -> None:
    index = Index.build([Passage(id=f"{n}.md#1", title=n, text="x") for n in ("acme", "zeta", "brix")])
    retrieval = RetrievalRef(kb="kb", index=index.digest, top_k=2)
    variant = Variant(name="v", model=MODEL, prompt="p", retrieval=retrieval)
    first, second = answer_all(variant, [[user("zeta")], [user("nobody")]], engine=Echo(), index=index)
    assert (first.sources, second.sources) == (("zeta.md#1",), ())
    assert first.text == "[1] zeta: x\n\nzeta"


def test_a_changed_knowledge_base_is_refused() -> None:
    index = Index.build([Passage(id="a", title="a", text="x")])
    variant = Variant(name="v", model=MODEL, prompt="p", retrieval=RetrievalRef(kb="kb", index="0" * 64))
    with pytest.raises(MissingInput, match="'kb'"):
        answer_all(variant, [[user("a")]], engine=Echo(), index=index)
    with pytest.raises(MissingInput, match="'kb'"):
        answer_all(variant, [[user("a")]], engine=Echo())


def test_the_nearest_engine_copies_the_answer_of_the_most_similar_question() -> None:
    engine = NearestEngine([example("1", "the red car is late", "RED"), example("2", "the blue bike is late", "BLUE")])
    asked = [EngineRequest(messages=(user(text),)) for text in ("my bike, the blue one", "a red car", "¡!")]
    answers = engine.answer(asked)
    assert [answer.text for answer in answers] == ["BLUE", "RED", None]
    assert (answers[2].finish_reason, answers[0].prompt_tokens) == ("error", 0)
