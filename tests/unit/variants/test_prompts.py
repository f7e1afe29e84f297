"""Templates see what they are given and reach nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.calls import ToolSpec
from luthier.variants.prompts import BadTemplate, check_template, render_prompt, tools_json, uses_passages
from luthier.variants.retrieval.documents import Passage

TOOL = ToolSpec(name="add", parameters={"type": "object", "properties": {}})
PASSAGE = Passage(id="a.md#1", title="Acme", text="ACC-1")


def test_tools_and_passages_stand_where_the_template_puts_them() -> None:
    text = "Tools: {{ tools }}\n{% for p in passages %}{{ loop.index }}. {{ p.title }} = {{ p['text'] }}{% endfor %}"
    assert render_prompt(text, tools=[TOOL], passages=[PASSAGE]) == (
        'Tools: [{"name":"add","parameters":{"properties":{},"type":"object"}}]\n1. Acme = ACC-1'
    )


def test_no_tools_are_an_empty_text() -> None:
    assert (tools_json([]), render_prompt("{% if tools %}x{% endif %}.")) == ("", ".")


def test_whether_a_template_places_passages_is_read_from_its_tree() -> None:
    assert uses_passages("{% for p in passages %}{{ p.id }}{% endfor %}")
    assert not uses_passages("the word passages {# {{ passages }} #}")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("one\ntwo {{ today }}", 2, "'today'"),
        ("one\n\n{% if %}", 3, ""),
        ("one\n{{ tools", 2, ""),
        ("one\n{% for p in passages %}\n{{ p.nothing }}{% endfor %}", 3, "nothing"),
    ],
)
def test_a_fault_names_file_and_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadTemplate) as fault:
        render_prompt(text, passages=[PASSAGE], file="prompts/crm.md")
    assert str(fault.value).startswith(f"prompts/crm.md:{line}: ")
    assert what in str(fault.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ tools.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ passages.__class__.__base__.__subclasses__() }}",
        "{{ tools.format(1) }}",
        "{{ passages.append(1) }}",
        "{% for p in passages %}{{ p.items() }}{% endfor %}",
        "{{ passages|map(attribute='__class__')|list }}",
        "{{ tools|attr('__class__') }}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ '%999999999d' % 1 }}",
        "{% set x = tools %}{{ x }}",
        "{% macro m() %}{% endmacro %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% for a in tools %}{% for b in tools %}{% for c in tools %}.{% endfor %}{% endfor %}{% endfor %}",
    ],
)
def test_what_could_leave_the_sandbox_or_fill_the_memory_is_refused(text: str) -> None:
    with pytest.raises(BadTemplate):
        render_prompt(text, tools=[TOOL], passages=[PASSAGE])


def test_a_prompt_has_a_greatest_size() -> None:
    long = Passage(id="a", title="", text="x" * 500_000)
    with pytest.raises(BadTemplate, match="400,000"):
        render_prompt("{% for p in passages %}{{ p.text }}{% endfor %}", passages=[long])
    with pytest.raises(BadTemplate, match="100,000"):
        check_template("x" * 100_001)


@given(st.text(max_size=200))
def test_any_template_renders_or_is_refused_with_its_place(text: str) -> None:
    try:
        render_prompt(text, tools=[TOOL], passages=[PASSAGE], file="p.md")
    except BadTemplate as fault:
        assert str(fault).startswith("p.md:")  # noqa: PT017  either outcome is right


@given(st.text(alphabet=st.characters(blacklist_characters="{}#%", blacklist_categories=("Cs",)), max_size=80))
def test_a_passage_is_data_and_is_never_rendered_again(text: str) -> None:
    hostile = Passage(id="a", title="{{ 7 * 7 }}", text=f"{{{{ tools }}}}{text}")
    shown = render_prompt(".{% for p in passages %}{{ p.title }}{{ p.text }}{% endfor %}.", passages=[hostile])
    assert shown == f".{{{{ 7 * 7 }}}}{{{{ tools }}}}{text}."
