"""What a prompt begins with is computed once, and answers are what they would be without."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.examples import Message
from luthier.domain.variants import Decoding
from luthier.variants.engines import prefixes
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.local import LocalEngine
from luthier.variants.engines.prefixes import SHORTEST, TOKENS_KEPT, Prefix, PrefixStore
from tests.unit.variants.tiny import save_tiny_adapter, save_tiny_model

SYSTEM = "please update the account of Acme Traders and tell the order total " * 2
OTHER = "thanks for the order, the account is closed and nothing is to be done " * 2
TEXTS = ["update order", "thanks", "the total is seven hundred euro", "Acme, please!", "order of Acme Traders", "€"]


def ask(system: str, text: str, *, adapter: str | None = None) -> EngineRequest:
    messages = (Message(role="system", content=system), Message(role="user", content=text))
    return EngineRequest(messages=messages, adapter=adapter, decoding=Decoding(max_tokens=10))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def kept(tokens: list[int], adapter: str | None = None) -> Prefix:
    states = torch.tensor(tokens, dtype=torch.float32)[None, None, :, None]
    return Prefix(adapter, tuple(tokens), ((states, states),))


def test_answers_are_the_same_with_and_without_a_shared_beginning(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [ask(system, text) for text in TEXTS for system in (SYSTEM, OTHER)]
    shared = LocalEngine.load(tiny, batch_size=2).answer(requests)
    monkeypatch.setattr(prefixes, "SHORTEST", 10_000)
    whole = LocalEngine.load(tiny, batch_size=2).answer(requests)
    assert [answer.text for answer in shared] == [answer.text for answer in whole]
    assert len({answer.text for answer in whole}) > 3, "answers hardly differ, so this would prove nothing"


def test_a_shared_beginning_is_read_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LocalEngine.load(tiny, batch_size=1)
    read: list[int] = []
    forward = engine._rack.forward

    def counted(adapters: list[str | None], **inputs: torch.Tensor) -> object:
        read.append(inputs["input_ids"].shape[1])
        return forward(adapters, **inputs)

    monkeypatch.setattr(engine._rack, "forward", counted)
    answers = engine.answer([ask(SYSTEM, text) for text in TEXTS])
    prompts = [size for size in read if size > 1]
    assert prompts[0] == max(answer.prompt_tokens for answer in answers)
    assert all(size < min(answer.prompt_tokens for answer in answers) - SHORTEST for size in prompts[1:])


def test_an_adapter_that_was_replaced_does_not_leave_its_states_behind(tiny: Path, tmp_path: Path) -> None:
    folders = [save_tiny_adapter(tiny, tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    engine = LocalEngine.load(tiny, batch_size=2)
    engine.add_adapter("a", folders[0])
    session = engine.session()
    found = {}
    for folder in folders:
        engine.add_adapter("a", folder)
        ticket = session.add(ask(SYSTEM, "update order", adapter="a"))
        while not session.is_idle:
            answers = [piece.answer for piece in session.step() if piece.answer and piece.ticket == ticket]
            if answers:
                found[folder] = answers[0].text
    for folder in folders:
        fresh = LocalEngine.load(tiny)
        fresh.add_adapter("a", folder)
        assert fresh.answer([ask(SYSTEM, "update order", adapter="a")])[0].text == found[folder]
    assert len(set(found.values())) == 2, "the adapters answer alike, so this would prove nothing"


@given(st.lists(st.integers(0, 1), min_size=1, max_size=90), st.lists(st.integers(0, 1), min_size=1, max_size=90))
def test_what_is_shared_is_the_beginning_of_both_and_leaves_a_token_to_read(one: list[int], other: list[int]) -> None:
    beginning = [7] * SHORTEST
    store = PrefixStore()
    store.keep(kept([*beginning, *one]))
    prompt = [*beginning, *other]
    found = store.longest(None, [prompt])
    assert found is not None
    count = len(found.tokens)
    assert list(found.tokens) == prompt[:count] == [*beginning, *one][:count]
    assert SHORTEST <= count < len(prompt)
    assert found.states[0][0].shape[2] == count
    is_whole = count in {len(prompt) - 1, SHORTEST + len(one)}
    assert is_whole or prompt[count] != [*beginning, *one][count]


def test_neither_a_short_beginning_nor_one_of_another_adapter_is_used() -> None:
    store = PrefixStore()
    store.keep(kept(list(range(100)), adapter="a"))
    assert store.longest("a", [[*range(SHORTEST - 1), 999, 5]]) is None
    assert store.longest(None, [list(range(100))]) is None
    assert store.longest("a", [list(range(SHORTEST + 1))]) is not None


def test_the_store_keeps_what_was_of_use_last_and_never_more_than_its_room() -> None:
    store = PrefixStore()
    size = TOKENS_KEPT // 2
    one, two, three = ([mark] * size for mark in (1, 2, 3))
    store.keep(kept(one))
    store.keep(kept(two))
    assert store.longest(None, [[*one, 9]]) is not None
    store.keep(kept(three))
    assert store.longest(None, [[*two, 9]]) is None
    assert store.longest(None, [[*one, 9]]) is not None
    store.keep(kept([4] * (TOKENS_KEPT + 1)))
    assert store.longest(None, [[*([4] * (TOKENS_KEPT + 1)), 9]]) is None
    assert store.longest(None, [[*one, 9]]) is not None, "a prompt without room pushed out those that have some"
