"""Rows, tools and reports made up for the tests of this stage."""

import json

import pytest

from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.evaluate.metrics import Attempt


@pytest.fixture
def call_row() -> Attempt:
    """A row whose ideal answer is a tool call, and which got no answer."""
    ideal = json.dumps({"name": "book", "arguments": {}})
    messages = (Message(role="user", content="book it"), Message(role="assistant", content=ideal))
    tools = (ToolSpec(name="book", parameters={"type": "object"}),)
    return Attempt(answer=None, example=Example(id="a:1", messages=messages), tools=tools)
