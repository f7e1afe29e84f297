"""One request becomes the same messages wherever it is rendered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.domain.variants import ModelRef, RetrievalRef, Variant
from luthier.errors import MissingInput, UserError
from luthier.variants.answering import answer_all
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.nearest import NearestEngine
from luthier.variants.rendering import messages_for
from luthier.variants.retrieval.documents import Passage
from luthier.variants.retrieval.index import Index
from luthier.variants.shots import pick_shots

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
