"""The assistant's tokens, found one by one under chat templates of the shapes that five families use."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from luthier.domain.examples import Message
from luthier.train.backends.encode import Encoded, encode
from luthier.train.config import TrainConfig
from luthier.train.types import Conversation
from tests.unit.train.tiny import make_base

SAID = "{% generation %}{{ m['content'] }}END{% endgeneration %}"


def _turns(opens: str, closes: str, asks: str, said: str, *, starts: str = "") -> str:
    """A template whose turns are all alike but for the assistant's markers."""
    return (
        f"{starts}{{% for m in messages %}}{opens}{{% if m['role'] == 'assistant' %}}{said}"
        f"{{% else %}}{{{{ m['content'] }}}}{closes}{{% endif %}}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{asks}{{% endif %}}"
    )


CHATML = _turns(
    "<|im_start|>{{ m['role'] }}\n", "<|im_end|>\n", "<|im_start|>assistant\n",
    SAID.replace("END", "<|im_end|>") + "\n",
)  # fmt: skip
LLAMA3 = _turns(
    "<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n", "<|eot_id|>",
    "<|start_header_id|>assistant<|end_header_id|>\n\n", SAID.replace("END", "<|eot_id|>"),
    starts="<|begin_of_text|>",
)  # fmt: skip
GEMMA = (
    "<bos>{% for m in messages %}{% if m['role'] == 'assistant' %}<start_of_turn>model\n"
    + SAID.replace("END", "<end_of_turn>")
    + "\n{% else %}<start_of_turn>user\n{{ m['content'] | trim }}<end_of_turn>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "<s>{% for m in messages %}{% if m['role'] == 'assistant' %}"
    + SAID.replace("END", "</s>").replace("{{", " {{")
    + "{% else %}[INST] {{ m['content'] }} [/INST]{% endif %}{% endfor %}"
)
PHI = _turns(
    "<|{{ m['role'] }}|>\n", "<|end|>\n", "<|assistant|>\n", SAID.replace("END", "<|end|>") + "\n", starts=""
) + "{% if not add_generation_prompt %}<|endoftext|>{% endif %}"  # fmt: skip

FAMILIES = {
    "chatml": (CHATML, "<|im_end|>", ["<|im_start|>", "<|im_end|>"]),
    "llama3": (LLAMA3, "<|eot_id|>", ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]),
    "gemma": (GEMMA, "<end_of_turn>", ["<bos>", "<start_of_turn>", "<end_of_turn>"]),
    "mistral": (MISTRAL, "</s>", ["<s>", "</s>", "[INST]", "[/INST]"]),
    "phi": (PHI, "<|end|>", ["<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "<|endoftext|>"]),
}
TURNS = (
    Message(role="user", content="ship the invoice today"),
    Message(role="assistant", content="logistics, soon"),
    Message(role="user", content="say: logistics, soon"),
    Message(role="assistant", content="for them: quotes"),
)


@pytest.fixture(params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, str]:
    template, end, marks = FAMILIES[request.param]
    tokenizer = AutoTokenizer.from_pretrained(make_base(tmp_path / "base", template=template).folder)
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    tokenizer.eos_token = end
    return tokenizer, end


def _expected(tokenizer: Any, end: str, *, learned: tuple[int, ...]) -> list[tuple[str, bool]]:
    """Every token of the rendered turns and whether it holds a letter of an answer, by places in the text."""
    plain = [{"role": turn.role, "content": turn.content} for turn in TURNS]
    text = str(tokenizer.apply_chat_template(plain, tokenize=False))
    spans, at = [], 0
    for index, turn in enumerate(TURNS):
        begin = text.index(turn.content, at)
        at = begin + len(turn.content)
        if index in learned:
            assert text.startswith(end, at)
            spans.append((begin, at + len(end)))
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return [
        (tokenizer.convert_ids_to_tokens(token), any(first < stop and begin < last for begin, stop in spans))
        for token, (first, last) in zip(found["input_ids"], found["offset_mapping"], strict=True)
    ]


def _marked(tokenizer: Any, row: Encoded) -> list[tuple[str, bool]]:
    return list(zip(tokenizer.convert_ids_to_tokens(list(row.tokens)), row.is_target, strict=True))


def test_all_answers_are_marked_token_by_token(family: tuple[Any, str]) -> None:
    tokenizer, end = family
    row = encode(tokenizer, [Conversation(id="a", messages=TURNS)], TrainConfig(loss_on="all_assistant_turns"))[0]
    expected = _expected(tokenizer, end, learned=(1, 3))
    assert _marked(tokenizer, row) == expected
    assert sum(counts for _, counts in expected) > 6


def test_the_final_answer_is_marked_token_by_token(family: tuple[Any, str]) -> None:
    tokenizer, end = family
    row = encode(tokenizer, [Conversation(id="a", messages=TURNS)], TrainConfig())[0]
    expected = _expected(tokenizer, end, learned=(3,))
    last = max(at for at, (_, counts) in enumerate(expected) if counts)
    marked = _marked(tokenizer, row)
    assert [counts for _, counts in marked if counts] == [counts for _, counts in expected if counts]
    assert [token for token, counts in marked if counts] == [token for token, counts in expected if counts]
    assert len(marked) in {last + 1, len(expected)}
    assert marked[-1][0] == end or not marked[-1][1]
