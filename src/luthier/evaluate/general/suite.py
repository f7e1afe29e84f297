"""The suite that comes with the package: copying, looking up, extracting, classifying, in our own made-up words."""

from functools import cache
from importlib.resources import files

import orjson

from luthier.domain.examples import Example, Message

FILE = "general.jsonl"


@cache
def shipped_suite() -> tuple[Example, ...]:
    """Every row, tagged with the kind of task that it is; `models/base/suite.py` wrote them."""
    lines = (files("luthier.evaluate.general") / FILE).read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    return tuple(
        Example(
            id=row["id"], messages=tuple(Message(**message) for message in row["messages"]),
            strata={"kind": row["kind"]}, source=FILE,
        )
        for row in rows
    )  # fmt: skip
