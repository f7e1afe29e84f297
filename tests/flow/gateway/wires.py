"""Raw bytes to a server on this machine, and what comes back."""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """Everything that a server said on one connection until it closed it or fell silent."""

    raw: bytes
    is_closed: bool

    @property
    def statuses(self) -> list[int]:
        """The statuses of all responses, interim ones left out."""
        return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.raw) if not found.startswith(b"1")]


def talk(port: int, pieces: Iterable[bytes], *, seconds: float = 60.0, responses: int = 1) -> Told:
    """Send the pieces and read until `responses` came, the server closes, or it is silent for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        try:
            for piece in pieces:
                client.sendall(piece)
        except ConnectionError:
            pass  # a server may refuse before it has heard everything
        return _read(client, responses)


def _read(client: socket.socket, responses: int) -> Told:
    raw = b""
    while True:
        try:
            got = client.recv(65_536)
        except TimeoutError:
            return Told(raw, is_closed=False)
        except ConnectionError:
            return Told(raw, is_closed=True)
        if not got:
            return Told(raw, is_closed=True)
        raw += got
        if len(Told(raw, is_closed=False).statuses) >= responses and raw.endswith((b"}", b"\r\n")):
            client.settimeout(0.5)  # whatever else was smuggled in would be answered now
