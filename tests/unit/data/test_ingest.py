"""Readers: every format gives the same conversation, and broken lines are told all at once."""

import json
from collections.abc import Callable

import pytest

from luthier.data.config import DataConfig, SourceConfig
from luthier.data.ingest import ingest
from luthier.data.readers import MAX_ROW_BYTES as MAX_LINE_BYTES
from luthier.data.types import SourceFile
from luthier.domain.examples import Example
from luthier.errors import Faults, UnknownName

CHAT = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}
FORMATS = {
    "chat": json.dumps(CHAT | {"metadata": {"tone": "kind"}}).encode(),
    "prompt_completion": b'{"prompt": "hi", "completion": "ho", "tone": "kind"}',
    "alpaca": b'{"instruction": "hi", "input": "", "output": "ho", "tone": "kind"}',
    "csv": b'prompt,completion,tone\r\nhi,"ho",kind\r\n',
}


def read(content: bytes, config: DataConfig, name: str = "auto", path: str = "mails.jsonl") -> tuple[Example, ...]:
    section = SourceConfig.model_validate({"path": path, "format": name, "lawful_basis": "contract"})
    rows = ingest([SourceFile(path=path, content=content, config=section)], config).rows
    return tuple(row.example for row in rows)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("by_name", [True, False])
def test_every_format_gives_the_same_conversation_and_is_recognised(
    config: Callable[..., DataConfig], name: str, by_name: bool
) -> None:
    (row,) = read(FORMATS[name], config(), name if by_name else "auto")
    assert (row.asked, row.ideal, row.strata) == ("hi", "ho", {"tone": "kind"})


def test_tags_become_strata_group_subject_and_basis(config: Callable[..., DataConfig]) -> None:
    tags = {"kind": 3, "tone": "kind", "customer": "c1", "subject": "s1", "lawful_basis": "consent", "long": "x" * 200}
    (row,) = read(json.dumps(CHAT | {"id": "r1", "metadata": tags}).encode(), config())
    assert row.strata == {"kind": "3", "tone": "kind"}
    assert (row.id, row.group, row.subject, row.lawful_basis) == ("r1", "c1", "s1", "consent")


def test_tool_calls_become_the_text_of_a_call(config: Callable[..., DataConfig]) -> None:
    call = {"type": "function", "function": {"name": "note", "arguments": '{"b": 1, "a": "x"}'}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    (row,) = read(json.dumps({"messages": [CHAT["messages"][0], answer]}).encode(), config())
    assert json.loads(row.ideal) == {"name": "note", "arguments": {"a": "x", "b": 1}}


def test_all_broken_lines_are_told_with_file_and_line_and_without_their_text(
    config: Callable[..., DataConfig],
) -> None:
    good = json.dumps(CHAT).encode()
    secret = b'{"messages": "anna@firm.de'
    broken = [good] * 6 + [secret, good, b"[1]", b'\xff{"messages": []}', b'{"prompt": "x"}']
    no_answer = json.dumps({"messages": CHAT["messages"][:1] * 2}).encode()
    with pytest.raises(Faults) as told:
        read(b"\n".join([*broken, no_answer, b"{" + b" " * MAX_LINE_BYTES]), config(), "chat")
    assert [fault.split(": ")[0] for fault in told.value.faults] == [
        f"mails.jsonl:{line}" for line in (7, 9, 10, 11, 12, 13)
    ]
    assert "anna" not in str(told.value)
    assert "not UTF-8" in told.value.faults[2]
    assert told.value.exit_code == 2


def test_an_id_used_twice_is_a_fault(config: Callable[..., DataConfig]) -> None:
    line = json.dumps(CHAT | {"id": "same"}).encode()
    with pytest.raises(Faults, match=r"used before, at mails\.jsonl:1"):
        read(line + b"\n" + line, config())


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"text": "what is this"}', b"a,b\n1,2\n"])
def test_empty_files_and_unknown_shapes_are_faults(config: Callable[..., DataConfig], content: bytes) -> None:
    with pytest.raises(Faults):
        read(content, config())


def test_an_unknown_format_names_the_nearest(config: Callable[..., DataConfig]) -> None:
    with pytest.raises(UnknownName) as told:
        read(b"{}", config(), "chatt")
    assert "'chat'" in told.value.hint


def test_deep_nesting_is_a_fault_and_no_crash(config: Callable[..., DataConfig]) -> None:
    with pytest.raises(Faults):
        read(b'{"messages": ' + b"[" * 100_000, config(), "chat")
