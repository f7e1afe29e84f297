"""Routes made ready say exactly what `messages_for` renders; log lines say nothing that people wrote."""

import logging
import sys

import orjson
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.examples import Example, Message
from luthier.domain.routes import Route, RouteTable
from luthier.domain.variants import ModelRef, Variant
from luthier.gateway.compiled import ReadyRoute, ReadyTable
from luthier.gateway.logs import JsonLines
from luthier.gateway.requests import ChatMessage
from luthier.variants.rendering import messages_for
from luthier.variants.retrieval.documents import Passage

SHOT = Example(id="s", messages=(Message(role="user", content="q"), Message(role="assistant", content="a")))
PASSAGES = (Passage(id="p", title="Facts", text="Harbour Mills is a customer."),)
turns = st.lists(
    st.builds(
        ChatMessage, role=st.sampled_from(["system", "developer", "user", "assistant"]), content=st.text(max_size=9)
    ),
    max_size=4,
).map(lambda said: [*said, ChatMessage(role="user", content="last")])


def ready(variant: Variant, *, policy: str | None = None) -> ReadyRoute:
    route = Route(release_id="r", variant=variant, model="m")
    return ReadyRoute(route, variant.digest, "http://127.0.0.1:9/v1", None, (), policy)


@given(turns, st.sampled_from(["", "Be brief.", "{% for p in passages %}{{ p.text }}{% endfor %}"]), st.booleans())
def test_a_ready_route_asks_what_rendering_says(said: list[ChatMessage], prompt: str, finds: bool) -> None:
    variant = Variant(name="v", model=ModelRef(engine="local", id="m"), prompt=prompt, shots=(SHOT,))
    passages = PASSAGES if finds else ()
    wanted = messages_for(variant, [turn.plain for turn in said], passages)
    assert ready(variant).messages(said, passages) == [message.model_dump() for message in wanted]


def test_the_policy_comes_first_also_without_a_prompt() -> None:
    variant = Variant(name="v", model=ModelRef(engine="local", id="m"), prompt="")
    asked = [ChatMessage(role="user", content="hi")]
    sent = ready(variant, policy="Be kind.").messages(asked, ())
    assert sent == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]


@given(st.text(max_size=20), st.floats(0, 100))
def test_a_ready_table_sends_users_where_the_table_does(user: str, percent: float) -> None:
    variant = Variant(name="v", model=ModelRef(engine="local", id="m"), prompt="")
    route = Route(release_id="a", variant=variant, model="m")
    table = RouteTable(
        version=1, stable=route, canary=route.model_copy(update={"release_id": "b"}), canary_percent=percent, salt="s"
    )
    made = ReadyTable.of(table, tools=(), policy=None, key_of=lambda _: None, first_users=())
    arm, chosen = made.route_for(user, (user,))
    assert (arm, chosen.route) == table.route_for(user)


def test_a_logged_fault_tells_where_and_never_what_it_quotes() -> None:
    try:
        raise ValueError("call +44 20 7946 0000")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "unexpected fault", (), sys.exc_info())
    record.request_id = "chatcmpl-1"
    line = orjson.loads(JsonLines().format(record))
    assert (line["event"], line["request_id"], line["trace"][0]) == ("unexpected fault", "chatcmpl-1", "ValueError")
    assert "7946" not in str(line)
