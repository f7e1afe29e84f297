import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.domain.calls import ToolSpec, canonical_call, parse_call

UPDATE = ToolSpec(
    name="update_deal",
    parameters={
        "type": "object",
        "properties": {"deal": {"type": "string"}, "amount": {"type": "number"}},
        "required": ["deal"],
        "additionalProperties": False,
    },
)
ANY = ToolSpec(name="anything", parameters={"type": "object"})
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('aé \n"', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abé", max_size=3), inner, max_size=3),
    max_leaves=10,
)


def call(arguments: object, name: str = "update_deal") -> str:
    return json.dumps({"name": name, "arguments": arguments})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (call({"deal": "Acme", "amount": 5}), None),
        (f"  {call({'deal': 'Acme'})}\n", None),
        (None, "no_answer"),
        ("  \n", "no_answer"),
        ("Sure! " + call({"deal": "Acme"}), "not_json"),
        (call({"deal": "Acme"}) + " done", "not_json"),
        ('{"name": "update_deal", "arguments": {"deal": "Acme"', "not_json"),
        ("null", "not_json"),
        ('{"name": "update_deal", "arguments": {"amount": NaN}}', "not_json"),
        ('{"name": "update_deal", "arguments": {"deal": "a", "amount": 1e999}}', "not_json"),
        ('{"name": "update_deal", "name": "update_deal", "arguments": {"deal": "a"}}', "not_json"),
        ('{"name": "update_deal", "arguments": {"deal": "\\ud800"}}', "not_json"),
        ('{"name": "anything", "arguments": {"a": ' + "[" * 300 + "]" * 300 + "}}", "not_json"),
        ('{"name": "anything", "arguments": {"a": ' + "[" * 20_000 + "]" * 20_000 + "}}", "not_json"),
        ('{"name": "anything", "arguments": {"a": "' + "x" * 100_000 + '"}}', "not_json"),
        ("[1, 2]", "wrong_shape"),
        ('{"name": "update_deal"}', "wrong_shape"),
        ('{"name": "update_deal", "arguments": "deal"}', "wrong_shape"),
        ('{"name": "update_deal", "arguments": {}, "note": 1}', "wrong_shape"),
        (call({"deal": "Acme"}, name="delete_deal"), "unknown_tool"),
        ('{"name": ["update_deal"], "arguments": {}}', "unknown_tool"),
        (call({"amount": 5}), "bad_arguments"),
        (call({"deal": "Acme", "owner": "Eve"}), "bad_arguments"),
        (call({"deal": 5}), "bad_arguments"),
    ],
)
def test_each_text_has_its_first_fault(text: str | None, fault: str | None) -> None:
    assert parse_call(text, [UPDATE, ANY]).fault == fault


def test_a_call_with_bad_arguments_still_tells_its_tool() -> None:
    parsed = parse_call(call({"amount": 5}), [UPDATE])
    assert parsed.call is not None
    assert parsed.call.name == "update_deal"


@given(st.dictionaries(st.text("abé", max_size=3), json_values, max_size=3))
def test_whatever_json_writes_is_read_back_the_same(arguments: dict[str, object]) -> None:
    parsed = parse_call(call(arguments, name="anything"), [ANY])
    assert parsed.fault is None
    assert parsed.call is not None
    assert parsed.call.arguments == arguments


@given(st.text(st.sampled_from('{}[]",:\\ ud80name1e9.-truefalsnul')) | st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    parsed = parse_call(text, [UPDATE, ANY])
    assert (parsed.fault is None) <= (parsed.call is not None)
    canonical_call(text)


@given(json_values)
def test_canonical_form_ignores_spacing_and_key_order_and_is_its_own_canonical_form(value: object) -> None:
    wide, tight = json.dumps(value, indent=2), json.dumps(value, separators=(",", ":"), sort_keys=True)
    assert canonical_call(wide) == canonical_call(tight)
    if value is not None:
        assert canonical_call(canonical_call(wide)) == canonical_call(wide)


def test_true_is_not_one() -> None:
    assert canonical_call('{"a": true}') != canonical_call('{"a": 1}')


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"type": "strnig"}, "no JSON Schema"),
        ({"properties": {"a": {"pattern": "("}}}, "no JSON Schema"),
        ({"$ref": "http://example.com/schema.json"}, "not inside it"),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "not inside it"),
    ],
)
def test_a_broken_tool_schema_is_refused_when_read(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ToolSpec.model_validate({"name": "t", "parameters": parameters})


def test_references_inside_a_schema_are_followed() -> None:
    tool = ToolSpec(
        name="t",
        parameters={
            "properties": {"a": {"$ref": "#/$defs/short"}},
            "$defs": {"short": {"type": "string", "maxLength": 2}},
        },
    )
    assert tool.accepts({"a": "ab"})
    assert not tool.accepts({"a": "abc"})
