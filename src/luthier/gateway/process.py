"""The gateway listening on a socket, until it is told to stop; then what was begun comes to its end."""

import asyncio
import socket
from collections.abc import Callable

from luthier.gateway.app import Gateway
from luthier.gateway.config import GatewayConfig
from luthier.gateway.http.intake import Limits
from luthier.gateway.http.server import Server

DRAIN_SECONDS = 10.0


def listening_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket that listens; with `shared`, other processes may listen on the same port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    sock.listen(2_048)
    sock.setblocking(False)
    return sock


def limits_of(config: GatewayConfig) -> Limits:
    """The bounds of one connection."""
    return Limits(body_bytes=config.max_body_bytes)


async def listen(
    app: Gateway, config: GatewayConfig, sock: socket.socket, stop: asyncio.Event, *, begun: Callable[[], None]
) -> None:
    """Answer on `sock` until `stop` is set; `begun` is called once clients are accepted."""
    server = Server(app.answer, app.refuse, limits_of(config), config.max_connections)
    accepting = await server.listen(sock)
    begun()
    await stop.wait()
    accepting.close()
    await server.drain(DRAIN_SECONDS)
    app.close()
