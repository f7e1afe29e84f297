"""What the YAML reader accepts, refuses and keeps of places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.project.parse import MAX_NODES, dump, parse
from luthier.project.tree import Place

names = st.text(min_size=1, max_size=12)
numbers = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=30)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)


def test_every_value_knows_its_line_and_column() -> None:
    tree, faults = parse("a: 1\nb:\n  - x\n  - {c: yes}\n", "f.yaml")
    assert faults == []
    assert tree.plain() == {"a": 1, "b": ["x", {"c": True}]}
    held = tree.find("b", 1, "c")
    assert held is not None
    assert held.place == Place("f.yaml", 4, 9)
    assert held.key_place == Place("f.yaml", 4, 6)
    assert str(held.place) == "f.yaml:4:9"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("010", "010"),
        ("2e-4", 0.0002),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", 1000),
        ("-7", -7),
        ("y", "y"),
        ("no", False),
        ("'no'", "no"),
        ("~", None),
        ("", None),
        ("1.2.3", "1.2.3"),
    ],
)
def test_a_plain_scalar_reads_as_people_mean_it(written: str, read: object) -> None:
    tree, faults = parse(f"a: {written}\n", "f.yaml")
    assert faults == []
    assert tree.plain() == {"a": read}
    assert type(tree.find("a").value) is type(read)  # type: ignore[union-attr]  # found by the line above


def test_keys_are_always_text_even_when_yaml_would_read_them_otherwise() -> None:
    tree, _ = parse("no: 1\n5: 2\nnull: 3\n", "f.yaml")
    assert tree.plain() == {"no": 1, "5": 2, "null": 3}


def test_all_faults_of_form_are_told_together() -> None:
    text = "a: 1\nb: !python/object:os.system x\na: 2\nc: .nan\n<<: {d: 1}\n? [1]\n: 2\n"
    _, faults = parse(text, "f")
    assert [(fault.place.line, fault.place.column) for fault in faults] == [(2, 4), (3, 1), (4, 4), (5, 1), (6, 3)]
    assert faults[1].message == "written twice; the first is on line 1"
    assert "python/object" in faults[0].message


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, 2),
        ("a: b: c\n", 1, 5),
        ("a: 1\n\tb: 2\n", 2, 1),
        ("a: 1\n---\nb: 2\n", 2, 1),
        ("a: 1\nb: \x00\n", 2, 4),
        ("a: *nothing\n", 1, 4),
    ],
)
def test_a_syntax_fault_has_its_line_and_column(text: str, line: int, column: int) -> None:
    _, faults = parse(text, "f.yaml")
    assert [(fault.place.line, fault.place.column) for fault in faults] == [(line, column)]


def test_an_alias_stands_for_its_value() -> None:
    assert parse("a: &x [1, 2]\nb: *x\n", "f")[0].plain() == {"a": [1, 2], "b": [1, 2]}


def test_a_bomb_of_aliases_is_refused_before_it_expands() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    _, faults = parse("\n".join(lines), "f")
    assert len(faults) == 1
    assert str(MAX_NODES) in faults[0].message


def test_a_value_that_contains_itself_is_refused() -> None:
    _, faults = parse("a: &x [1, *x]\n", "f")
    assert [fault.message for fault in faults] == ["this alias contains itself"]


def test_nesting_without_end_is_refused() -> None:
    _, faults = parse("[" * 5000, "f")
    assert len(faults) == 1
    assert "nested deeper" in faults[0].message


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_document_has_no_faults_of_form(text: str) -> None:
    tree, faults = parse(text, "f")
    assert not tree.value
    assert faults == []


@given(values)
def test_what_is_dumped_reads_back_the_same(value: object) -> None:
    tree, faults = parse(dump({"root": value}), "f")  # type: ignore[dict-item]  # Hypothesis cannot say Plain
    assert faults == []
    assert tree.plain() == {"root": value}


@given(st.text(max_size=60) | st.text("[]{}&*!|>-?:,#'\"%@`\n\t ab1", max_size=60))
def test_whatever_is_written_gives_a_tree_or_a_fault_with_a_place(text: str) -> None:
    tree, faults = parse(text, "f")
    assert all(fault.place.line >= 1 and fault.place.column >= 1 for fault in faults)
    assert tree.place.source == "f"
