"""Train and serve: what an adapter learned after is, token for token, what it is asked when serving."""

from pathlib import Path
from typing import Any

import pytest

from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.domain.variants import ModelRef, Variant
from luthier.train.backends.encode import encode
from luthier.train.config import TrainConfig
from luthier.train.types import Conversation
from luthier.variants import engines
from luthier.variants.engines.texts import prompt_ids
from luthier.variants.rendering import messages_for
from luthier.variants.retrieval.documents import Passage

transformers = pytest.importorskip("transformers")
TOOL = ToolSpec(name="note", description="Write it down.", parameters={"type": "object", "properties": {}})
CALL = '{"arguments":{"text":"x"},"name":"note"}'
SHOT = Example(
    id="s", messages=(Message(role="user", content="hi"), Message(role="assistant", content="ho")), source="a"
)
PASSAGE = Passage(id="p", title="Terms", text="Net 30.")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(Path(engines.__file__).parent / "bundled")


def turns(*said: tuple[str, str]) -> tuple[Message, ...]:
    return tuple(Message.model_validate({"role": role, "content": content}) for role, content in said)


CONVERSATIONS = {
    "one turn": turns(("user", "when is it due?")),
    "a rule of its own": turns(("system", "Answer briefly."), ("user", "when is it due?")),
    "several turns": turns(("user", "hello"), ("assistant", "good day"), ("user", "when is it due?")),
    "a call and what the tool saw": turns(
        ("user", "note it"), ("assistant", CALL), ("tool", '{"ok":true}'), ("user", "and when is it due?")
    ),
    "the answer to what a tool saw": turns(("user", "note it"), ("assistant", CALL), ("tool", '{"ok":true}')),
}


@pytest.mark.parametrize("passages", [(), (PASSAGE,)], ids=["alone", "with a passage"])
@pytest.mark.parametrize("prompt", ["Help.", "Tools: {{ tools }}", ""])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_training_and_serving_render_a_conversation_into_the_same_tokens(
    tokenizer: Any, name: str, prompt: str, passages: tuple[Passage, ...]
) -> None:
    variant = Variant(name="v", model=ModelRef(engine="local", id="bundled"), prompt=prompt, shots=(SHOT,))
    asked = messages_for(variant, CONVERSATIONS[name], passages, [TOOL])
    answer = Message(role="assistant", content=CALL)
    encoded = encode(tokenizer, [Conversation(id="x", messages=(*asked, answer))], TrainConfig())[0]
    served = prompt_ids(tokenizer, asked)
    assert list(encoded.tokens[: len(served)]) == served
    learned = [token for token, counts in zip(encoded.tokens, encoded.is_target, strict=True) if counts]
    assert tokenizer.decode(learned) == f"{CALL}<|im_end|>"
    text = tokenizer.decode(served)
    places = [text.find(message.content.strip()) for message in CONVERSATIONS[name]]
    assert -1 not in places, f"a turn is not shown to the model: {text}"
    assert places == sorted(places)
