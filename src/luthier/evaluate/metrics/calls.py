"""Metrics of tool calls: valid, of the right tool, with the right arguments."""

from collections import Counter
from collections.abc import Iterator

from luthier.domain.calls import Call, parse_call
from luthier.domain.digests import canonical_json
from luthier.domain.value import Json
from luthier.errors import UserError
from luthier.evaluate.metrics.metric import Attempt, mean, share
from luthier.evaluate.metrics.text import overlap


@share("valid_call", needs_tools=True)
def valid_call(row: Attempt) -> bool:
    """Whether the whole answer is one call of a known tool whose schema takes the arguments."""
    return row.parsed.fault is None


@share("schema_valid", needs_tools=True)
def schema_valid(row: Attempt) -> bool:
    """The same as valid_call: here the tools' parameters are the schema that an answer must satisfy."""
    return row.parsed.fault is None


@share("invalid_call", wants_high=False, needs_tools=True)
def invalid_call(row: Attempt) -> bool:
    """Whether the answer is no call that a tool takes; no answer is invalid too."""
    return row.parsed.fault is not None


@share("tool_name", needs_tools=True)
def tool_name(row: Attempt) -> bool:
    """Whether the answer calls the ideal's tool, whatever the arguments (intent accuracy)."""
    got, wanted = row.parsed.call, ideal_call(row)
    return got is not None and got.name == wanted.name


@mean("argument_f1", needs_tools=True)
def argument_f1(row: Attempt) -> float:
    """F1 over the (place, value) pairs of the arguments; 0 when another tool, or none, is called.

    The place of a list's item leaves out its position: exact_match is the metric that minds the order.
    """
    got, wanted = row.parsed.call, ideal_call(row)
    if got is None or got.name != wanted.name:
        return 0.0
    return overlap(Counter(_slots(dict(got.arguments))), Counter(_slots(dict(wanted.arguments))))


def ideal_call(row: Attempt) -> Call:
    """The ideal answer as a call; UserError where it is none, which is a fault of the data."""
    parsed = parse_call(row.example.ideal, row.tools)
    if parsed.call is None:
        raise UserError(f"the ideal answer is no call of these tools ({parsed.fault})")
    return parsed.call


def _slots(value: Json, place: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _slots(inner, f"{place}.{key}")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _slots(inner, f"{place}[]")
    elif place:
        yield f"{place}={canonical_json(value).decode()}"
