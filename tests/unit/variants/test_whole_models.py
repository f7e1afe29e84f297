"""Tuned models of which every weight changed, beside their base in one engine."""

import json
from pathlib import Path

import pytest
import torch

from luthier.errors import NotFound
from luthier.variants.engines.adapters import AdapterMismatch
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.folders import weights_digest
from luthier.variants.engines.local import LocalEngine
from tests.unit.variants.test_local_engine import QUESTIONS, ask, plain_answer
from tests.unit.variants.tiny import save_tiny_adapter, save_tiny_model


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with other weights that says it was tuned from the base."""
    folder = save_tiny_model(tmp_path_factory.mktemp("whole"), seed=1)
    (folder / "luthier.json").write_text(json.dumps({"base_weights": weights_digest(tiny)}))
    return folder


@pytest.fixture
def engine(tiny: Path) -> LocalEngine:
    return LocalEngine.load(tiny, batch_size=4)


def told(engine: LocalEngine, requests: list[EngineRequest]) -> list[str | None]:
    return [answer.text for answer in engine.answer(requests)]


def test_rows_of_the_base_an_adapter_and_a_whole_model_are_each_answered_by_their_own(
    engine: LocalEngine, tiny: Path, whole: Path, tmp_path: Path
) -> None:
    lora = save_tiny_adapter(tiny, tmp_path / "lora", seed=3)
    engine.add_adapter("lora", lora)
    engine.add_adapter("whole", whole)
    assert engine.adapters == ["lora", "whole"]
    chosen = ["whole", None, "lora", "whole", "lora", None, "whole"]
    expected = [
        plain_answer(whole if name == "whole" else tiny, text, adapter=lora if name == "lora" else None)
        for text, name in zip(QUESTIONS, chosen, strict=True)
    ]
    requests = [ask(text, adapter=name) for text, name in zip(QUESTIONS, chosen, strict=True)]
    assert told(engine, requests) == expected
    assert len(set(expected)) > 3, "answers hardly differ, so this would prove nothing"


def test_a_whole_model_is_in_use_until_its_rows_are_answered_and_gone_once_it_is_unloaded(
    engine: LocalEngine, whole: Path, tiny: Path
) -> None:
    engine.add_adapter("whole", whole)
    session = engine.session()
    ticket = session.add(ask(QUESTIONS[0], adapter="whole"))
    session.step()
    assert session.adapters_in_use() == {"whole"}
    session.cancel(ticket)
    assert session.is_idle
    assert session.adapters_in_use() == set()
    engine.remove_adapter("whole")
    assert engine.adapters == []
    session.add(ask(QUESTIONS[0], adapter="whole"))
    [news] = session.step()
    assert isinstance(news.fault, NotFound)
    assert told(engine, [ask(QUESTIONS[0])]) == [plain_answer(tiny, QUESTIONS[0])]


def test_a_row_begun_by_a_model_that_is_replaced_is_ended_by_the_same(
    engine: LocalEngine, whole: Path, tmp_path: Path
) -> None:
    other = save_tiny_model(tmp_path / "other", seed=2)
    engine.add_adapter("whole", whole)
    session = engine.session()
    first = session.add(ask(QUESTIONS[0], adapter="whole"))
    session.step()
    engine.add_adapter("whole", other)
    second = session.add(ask(QUESTIONS[0], adapter="whole"))
    found = {}
    while not session.is_idle:
        found |= {piece.ticket: piece.answer.text for piece in session.step() if piece.answer}
    assert found == {first: plain_answer(whole, QUESTIONS[0]), second: plain_answer(other, QUESTIONS[0])}
    assert found[first] != found[second]


def test_a_name_is_either_an_adapters_or_a_whole_models(
    engine: LocalEngine, tiny: Path, whole: Path, tmp_path: Path
) -> None:
    lora = save_tiny_adapter(tiny, tmp_path / "lora", seed=3)
    for folder, expected in (
        (lora, plain_answer(tiny, QUESTIONS[0], adapter=lora)),
        (whole, plain_answer(whole, QUESTIONS[0])),
        (lora, plain_answer(tiny, QUESTIONS[0], adapter=lora)),
    ):
        engine.add_adapter("tuned", folder)
        assert engine.adapters == ["tuned"]
        assert told(engine, [ask(QUESTIONS[0], adapter="tuned")]) == [expected]


def test_a_whole_model_tuned_from_another_base_is_refused(engine: LocalEngine, tmp_path: Path) -> None:
    strange = save_tiny_model(tmp_path / "strange", seed=4)
    (strange / "luthier.json").write_text(json.dumps({"base_weights": "f" * 64}))
    with pytest.raises(AdapterMismatch):
        engine.add_adapter("strange", strange)
    assert engine.adapters == []
