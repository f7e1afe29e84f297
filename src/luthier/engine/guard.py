"""Who may call: every path needs a key unless it is listed as open; every response carries a request id."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from uuid import uuid4

from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luthier.engine.faults import error_response
from luthier.errors import Unauthenticated

OPEN_PATHS = frozenset({"/health"})
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,128}$")


class Guard:
    """ASGI middleware that refuses before any route is reached."""

    def __init__(self, app: ASGIApp, *, api_keys: Sequence[SecretStr] | None) -> None:
        self._app = app
        self._digests = None if api_keys is None else [_digest(key.get_secret_value()) for key in api_keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with a request id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        asked_id = headers.get(b"x-request-id", "")
        request_id = asked_id if _REQUEST_ID.match(asked_id) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        if scope["path"] in OPEN_PATHS or self._knows(headers.get(b"authorization", "")):
            await self._app(scope, receive, send_with_id)
        else:
            refusal = error_response(Unauthenticated("the API key is missing or wrong"))
            await refusal(scope, receive, send_with_id)

    def _knows(self, authorization: str) -> bool:
        if self._digests is None:
            return True
        scheme, _, key = authorization.partition(" ")
        given = _digest(key.strip())
        known = [hmac.compare_digest(given, digest) for digest in self._digests]  # all of them, in equal time
        return scheme.lower() == "bearer" and any(known)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
