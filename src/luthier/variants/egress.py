"""The one way out: every request that leaves this process goes through `send`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from luthier.errors import Forbidden, LuthierError

ALLOWED_SCHEMES = frozenset({"http", "https"})


class Unreachable(LuthierError):
    """Nothing answered at an address in time."""

    code = "unreachable"
    http_status = 502
    exit_code = 2


class TimedOut(Unreachable):
    """An address did not answer within the time it was given."""

    code = "timed_out"


class TooLarge(LuthierError):
    """A response is larger than what was agreed to read."""

    code = "response_too_large"
    http_status = 502
    exit_code = 2


@dataclass(frozen=True)
class Reply:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def open_client(*, timeout_seconds: float, connections: int) -> httpx.Client:
    """A pool of connections that follows no redirect and reads no proxy or key from the environment."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.Client(timeout=timeout_seconds, limits=limits, follow_redirects=False, trust_env=False)


def send(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    max_bytes: int = 16_000_000,
) -> Reply:
    """The reply to one request; Unreachable when none comes in time, TooLarge when it does not end.

    Messages name the host only: paths, queries, headers and bodies may hold secrets.
    """
    parts = urlsplit(url)
    if parts.scheme not in ALLOWED_SCHEMES or not parts.hostname:
        raise Forbidden("only http and https addresses may be called", hint="check `base_url`")
    try:
        with client.stream(method, url, content=body, headers=dict(headers or {})) as response:
            return Reply(response.status_code, dict(response.headers), _read(response, max_bytes, parts.hostname))
    except httpx.TimeoutException as fault:
        raise TimedOut(f"{parts.hostname} did not answer in time", hint="raise `timeout_seconds`") from fault
    except httpx.TransportError as fault:
        raise Unreachable(f"{parts.hostname} cannot be reached", hint="check `base_url` and the network") from fault


def _read(response: httpx.Response, max_bytes: int, host: str) -> bytes:
    held = bytearray()
    for block in response.iter_bytes():
        held += block
        if len(held) > max_bytes:
            raise TooLarge(f"{host} sent more than {max_bytes:,} bytes", hint="check `base_url`")
    return bytes(held)
