"""Whether an answer has the shape that was asked for."""

import json

from luthier.domain.calls import canonical_call
from luthier.domain.value import Json
from luthier.evaluate.metrics.metric import Attempt, share


@share("json_valid")
def json_valid(row: Attempt) -> bool:
    """Whether the whole answer is JSON: no words around it, no key twice, no NaN, no half characters."""
    return canonical_call(row.answer) is not None


@share("keys_match", applies_to="rows whose ideal is a JSON object")
def keys_match(row: Attempt) -> bool | None:
    """Whether the answer is a JSON object with exactly the keys of the ideal, and values of the same kinds."""
    ideal = _object(row.example.ideal)
    if ideal is None:
        return None
    got = _object(row.answer)
    return got is not None and got.keys() == ideal.keys() and all(_kind(got[key]) == _kind(ideal[key]) for key in got)


def _object(text: str | None) -> dict[str, Json] | None:
    canonical = canonical_call(text)
    value = json.loads(canonical) if canonical is not None else None
    return value if isinstance(value, dict) else None


def _kind(value: Json) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
