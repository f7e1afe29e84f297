"""Any text comes back from the bundled tokenizer, and a word is spelt the same wherever it stands."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import luthier

transformers = pytest.importorskip("transformers", reason="the `local` extra is not installed")
BUNDLED = Path(luthier.__file__).parent / "variants/engines/bundled"
spelling = transformers.AutoTokenizer.from_pretrained(BUNDLED)
SPECIAL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")


@given(st.text())
@settings(deadline=None, max_examples=300)
def test_any_text_comes_back_exactly(text: str) -> None:
    ids = spelling.encode(text, add_special_tokens=False)
    assert spelling.decode(ids, skip_special_tokens=False) == text


@given(st.from_regex(r"[A-Z]?[a-z]{1,9}( [A-Z]?[a-z]{1,9}| [0-9]{1,4}){0,3}", fullmatch=True))
@settings(deadline=None, max_examples=200)
def test_a_name_is_spelt_the_same_in_running_text_and_in_json(name: str) -> None:
    plain = spelling.encode(name)
    for text in (f"tell {name} now", f'{{"k": "{name}", "v": 1}}', f"{name}.", f"\n{name}\n"):
        ids = spelling.encode(text)
        assert any(ids[at : at + len(plain)] == plain for at in range(len(ids)))


def test_only_the_assistants_words_and_their_end_are_marked_for_learning() -> None:
    turns = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": '{"place": "B-12"}'},
    ]
    got = spelling.apply_chat_template(turns, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    marked = [token for token, is_marked in zip(got["input_ids"], got["assistant_masks"], strict=True) if is_marked]
    assert spelling.decode(marked, skip_special_tokens=False) == '{"place": "B-12"}<|im_end|>'


def test_the_prompt_of_a_chat_is_the_beginning_of_the_whole_chat() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    prompt = spelling.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    assert prompt == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"
    assert spelling.apply_chat_template(turns, tokenize=False) == prompt + "b<|im_end|>\n"


def test_tools_are_shown_as_a_json_list_in_one_system_turn() -> None:
    turns = [{"role": "system", "content": "S"}, {"role": "user", "content": "u"}]
    shown = spelling.apply_chat_template(turns, tools=[{"name": "x"}], tokenize=False)
    assert shown == '<|im_start|>system\nS\nTools: [{"name": "x"}]<|im_end|>\n<|im_start|>user\nu<|im_end|>\n'


def test_turns_end_with_the_end_of_sequence_token() -> None:
    assert spelling.eos_token == "<|im_end|>"
    assert spelling.bos_token is None
    assert spelling.pad_token == "<|endoftext|>"
    assert [len(spelling.encode(token)) for token in SPECIAL] == [1, 1, 1]
