"""Metrics of tool calls: valid, of the right tool, with the right arguments."""

import re
from collections import Counter
from collections.abc import Iterator

from luthier.domain.calls import Call, parse_call
from luthier.domain.digests import canonical_json
from luthier.domain.value import Json
from luthier.errors import UserError
from luthier.evaluate.metrics.metric import Attempt, mean, share
from luthier.evaluate.metrics.text import overlap

_UNTOLD = re.compile(r"[ ,./\-_*^]")


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


@mean("slot_f1", needs_tools=True)
def slot_f1(row: Attempt) -> float:
    """F1 over the slots of the arguments, whatever tool was called: the same value in the same place.

    Source: as in slot filling (Tjong Kim Sang & De Meulder, CoNLL 2003), a slot being right when all of it is.
    """
    got, wanted = row.parsed.call, ideal_call(row)
    if got is None:
        return 0.0
    return overlap(Counter(_slots(dict(got.arguments))), Counter(_slots(dict(wanted.arguments))))


@share("call_match", needs_tools=True)
def call_match(row: Attempt) -> bool:
    """Whether the call is the ideal's by the rules of BFCL's syntax check, for one allowed value per argument.

    The name is the same; an argument that only one of them has is not required and is empty or the tool's default;
    values are of the same type, a whole number also where a decimal is meant; texts are compared without case, spaces,
    the marks `,./-_*^` and kinds of quotes.
    Source: Patil et al., The Berkeley Function-Calling Leaderboard, ICML (2025), AST evaluation.
    """
    got, wanted = row.parsed.call, ideal_call(row)
    if got is None or got.name != wanted.name or row.parsed.fault is not None:
        return False
    tool = next(each for each in row.tools if each.name == wanted.name)
    known = tool.parameters.get("properties")
    required = tool.parameters.get("required")
    must = set(required) if isinstance(required, list) else set()
    for name in {*got.arguments, *wanted.arguments}:
        if name in got.arguments and name in wanted.arguments:
            if not _same(got.arguments[name], wanted.arguments[name]):
                return False
        else:
            schema = known.get(name) if isinstance(known, dict) else None
            default = schema.get("default") if isinstance(schema, dict) else None
            value = got.arguments.get(name, wanted.arguments.get(name))
            if name in must or not (value in (None, "", [], {}) or value == default):
                return False
    return True


def _same(got: Json, wanted: Json) -> bool:
    if isinstance(got, bool) or isinstance(wanted, bool):
        return got is wanted
    if isinstance(got, (int, float)) and isinstance(wanted, (int, float)):
        return got == wanted and not (isinstance(got, float) and isinstance(wanted, int))
    if isinstance(got, str) and isinstance(wanted, str):
        return _UNTOLD.sub("", got).lower().replace("'", '"') == _UNTOLD.sub("", wanted).lower().replace("'", '"')
    if isinstance(got, list) and isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(_same, got, wanted))
    if isinstance(got, dict) and isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(_same(got[name], wanted[name]) for name in got)
    return got == wanted


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
