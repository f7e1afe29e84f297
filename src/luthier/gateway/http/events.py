"""Server-sent events out of bytes as they arrive, with a bound on each."""

MAX_EVENT_BYTES = 262_144


class LineTooLong(Exception):
    """An event has no end within the bound."""


class Events:
    """Data of whole events; `feed` gives those that the new bytes complete."""

    def __init__(self, most_bytes: int = MAX_EVENT_BYTES) -> None:
        self._most = most_bytes
        self._rest = b""
        self.is_over = False
        """Whether a line outgrew the bound; what came before it was given out."""

    def feed(self, data: bytes) -> list[bytes]:
        """The data lines that are whole now, up to one that outgrows the bound; LineTooLong at the next call."""
        if self.is_over:
            raise LineTooLong
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        found: list[bytes] = []
        for line in lines:
            if len(line) > self._most:
                self.is_over = True
                return found
            if line.startswith(b"data:"):
                found.append(line[5:].strip())
        self.is_over = len(self._rest) > self._most
        return found
