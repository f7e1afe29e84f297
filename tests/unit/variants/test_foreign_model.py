"""A model that nobody here made: it is opened, answers, and is tuned like the bundled one."""

import os
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from luthier.domain.examples import Message
from luthier.domain.runs import CurvePoint
from luthier.domain.variants import Decoding
from luthier.train.config import LoraConfig, TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, Conversation
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.folders import model_folder, weights_digest
from luthier.variants.engines.local import LocalEngine
from tests.unit.variants.llama2c import convert

REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
STORIES = REAL_DATA / "stories260k_model" / "model"
pytestmark = pytest.mark.skipif(not STORIES.exists(), reason=f"{STORIES} is absent; set LUTHIER_REAL_DATA")

BEGINNING = "Once upon a time, there was a little girl named Lily. She loved to play"
MORAL = "The moral: always share your toys."


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the converted model."""
    folder = tmp_path_factory.mktemp("foreign") / "stories260k"
    return convert(STORIES / "stories260K.bin", STORIES / "tok512.bin", folder)


class Ports:
    """No progress, no checkpoints."""

    checkpoints = None

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        pass

    def stop_requested(self) -> bool:
        return False


def told(engine: LocalEngine, text: str, adapter: str | None = None) -> str:
    asked = EngineRequest(
        messages=(Message(role="user", content=text),), adapter=adapter, decoding=Decoding(max_tokens=40)
    )
    (answer,) = engine.answer([asked])
    assert answer.text is not None
    return answer.text


def test_somebody_else_s_weights_tell_a_story(stories: Path) -> None:
    """Wrong rotary halves or merges would give letter salad: real text is far likelier than the same words shuffled."""
    model = AutoModelForCausalLM.from_pretrained(stories).eval()
    tokenizer = AutoTokenizer.from_pretrained(stories)

    def nats_per_token(text: str) -> float:
        tokens = torch.tensor([[1, *tokenizer.encode(text, add_special_tokens=False)]])
        with torch.inference_mode():
            return float(model(input_ids=tokens, labels=tokens).loss)

    shuffled = " ".join(reversed(BEGINNING.split()))
    assert nats_per_token(BEGINNING) < 1.5 < 3 < nats_per_token(shuffled)
    assert tokenizer.decode(tokenizer.encode(BEGINNING, add_special_tokens=False)) == BEGINNING


def test_a_folder_answers_as_plain_transformers_do(stories: Path) -> None:
    folder = model_folder(stories.name, root=stories.parent)
    prompt = AutoTokenizer.from_pretrained(stories)(f"<s>{BEGINNING}", return_tensors="pt", add_special_tokens=False)
    model = AutoModelForCausalLM.from_pretrained(stories).eval()
    made = model.generate(**prompt, max_new_tokens=40, do_sample=False, pad_token_id=0)
    plain = AutoTokenizer.from_pretrained(stories).decode(made[0, prompt["input_ids"].shape[1] :])
    assert told(LocalEngine.load(folder, batch_size=2), BEGINNING).strip() == plain.strip()


def test_it_is_tuned_and_stays_what_it_was(stories: Path, tmp_path: Path) -> None:
    names = ["Lily", "Tom", "Anna", "Ben", "Mia", "Tim", "Sue", "Max"]
    rows = [
        Conversation(
            id=name,
            messages=(Message(role="user", content=f"{name} had a toy."), Message(role="assistant", content=MORAL)),
        )
        for name in names
    ]
    config = TrainConfig(epochs=30, learning_rate=1e-2, batch_size=4, adapter=LoraConfig(rank=8, alpha=16))
    before = weights_digest(stories)
    adapter = tmp_path / "adapter"
    outcome = run(Ports(), config, BaseModel(folder=stories, weights=before), rows[:6], rows[6:], target=adapter)
    engine = LocalEngine.load(stories, batch_size=2)
    engine.add_adapter("moral", adapter)
    assert outcome.best_step > 0
    assert told(engine, "Sam had a toy.", adapter="moral").strip() == MORAL
    assert told(engine, "Sam had a toy.").strip() != MORAL
    assert weights_digest(stories) == before
