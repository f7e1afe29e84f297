"""A route table made ready: what is the same for every request of a route is rendered when the table is taken over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import orjson

from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Message
from luthier.domain.interactions import Arm
from luthier.domain.routes import Route, RouteTable
from luthier.gateway.faults import HttpFault
from luthier.gateway.http.client import Origin
from luthier.gateway.requests import ChatMessage
from luthier.variants.rendering import messages_for
from luthier.variants.retrieval.documents import Passage

KeyOf = Callable[[str], str | None]


@dataclass(frozen=True)
class ReadyRoute:
    """One release, with everything about it that no request changes."""

    route: Route
    digest: str
    base_url: str | None
    key: str | None
    tools: Sequence[ToolSpec]
    policy: str | None

    @cached_property
    def release(self) -> bytes:
        """The release's id as a header value."""
        return self.route.release_id.encode("ascii", "replace")

    @cached_property
    def opening(self) -> tuple[Message, ...]:
        """What stands before a question that brings neither a system turn nor passages."""
        return messages_for(self.route.variant, (), (), self.tools)

    @cached_property
    def opening_json(self) -> list[dict[str, object]]:
        """The same as a back end reads it, policy first."""
        return self._with_policy([message.model_dump() for message in self.opening])

    def address(self) -> str:
        """Where the route's engine listens; 503 where nowhere."""
        if self.base_url is None:
            raise HttpFault(503, f"no back end is up for engine {self.route.variant.model.engine!r}", code="no_backend")
        return self.base_url

    @cached_property
    def origin(self) -> Origin:
        """The same, taken apart."""
        return Origin.of(self.address())

    def head(self, path: str) -> bytes:
        """The head of a request to the back end."""
        if path not in self._heads:
            self._heads[path] = self.origin.head(path, key=self.key)
        return self._heads[path]

    def messages(self, turns: Sequence[ChatMessage], passages: Sequence[Passage]) -> list[dict[str, object]]:
        """The conversation as the back end gets it: exactly what `messages_for` renders, extras beside it."""
        if not passages and not any(turn.role in ("system", "developer") for turn in turns):
            return [*self.opening_json, *[_plain(turn, turn.text) for turn in turns]]
        rendered = messages_for(self.route.variant, [turn.plain for turn in turns], passages, self.tools)
        spoken = [turn for turn in turns if turn.role not in ("system", "developer")]
        cut = len(rendered) - len(spoken)
        opening = [message.model_dump() for message in rendered[:cut]]
        said = [_plain(turn, told.content) for turn, told in zip(spoken, rendered[cut:], strict=True)]
        return [*self._with_policy(opening), *said]

    def _with_policy(self, opening: list[dict[str, object]]) -> list[dict[str, object]]:
        if self.policy is None:
            return opening
        if opening and opening[0]["role"] == "system":
            head: dict[str, object] = {"role": "system", "content": f"{self.policy}\n\n{opening[0]['content']}"}
            return [head, *opening[1:]]
        return [{"role": "system", "content": self.policy}, *opening]

    @cached_property
    def _heads(self) -> dict[str, bytes]:
        return {}


def _plain(turn: ChatMessage, text: str) -> dict[str, object]:
    plain: dict[str, object] = {"role": turn.role, "content": text}
    if turn.model_fields_set <= _TEXT_FIELDS:
        return plain
    if turn.content is None:
        plain["content"] = None
    return {**plain, **turn.extras()}


_TEXT_FIELDS = frozenset({"role", "content"})


@dataclass(frozen=True)
class ReadyTable:
    """A table whose routes are ready."""

    table: RouteTable
    stable: ReadyRoute
    canary: ReadyRoute | None
    fallback: ReadyRoute | None
    first_users: frozenset[str]

    @classmethod
    def of(
        cls, table: RouteTable, *, tools: Sequence[ToolSpec], policy: str | None, key_of: KeyOf,
        first_users: Sequence[str],
    ) -> "ReadyTable":  # fmt: skip
        """The table with its routes rendered."""

        def ready(route: Route | None) -> ReadyRoute | None:
            if route is None:
                return None
            model = route.variant.model
            base_url = table.backends.get(model.engine) or model.base_url
            return ReadyRoute(route, route.variant.digest, base_url, key_of(model.engine), tools, policy)

        stable = ready(table.stable)
        if stable is None:
            raise TypeError("a table has a stable route")
        return cls(table, stable, ready(table.canary), ready(table.fallback), frozenset(first_users))

    def route_for(self, user_key: str, names: tuple[str, ...]) -> tuple[Arm, ReadyRoute]:
        """The arm and the route of a user; first users get a canary at any share above none."""
        table = self.table
        is_first = self.canary is not None and table.canary_percent > 0 and table.switch == "normal"
        if is_first and self.canary is not None and not self.first_users.isdisjoint(names):
            return "canary", self.canary
        arm, _ = table.route_for(user_key)
        chosen = {"stable": self.stable, "canary": self.canary, "fallback": self.fallback}[arm]
        return arm, chosen or self.stable


def body_of(model: str, parts: dict[str, object], messages: object, *, stream: bool) -> bytes:
    """A chat request as the back end reads it."""
    body: dict[str, object] = {"model": model, "messages": messages, **parts, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return orjson.dumps(body)
