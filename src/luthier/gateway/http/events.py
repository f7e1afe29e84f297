"""Server-sent events out of bytes as they arrive, with a bound on each."""

MAX_EVENT_BYTES = 262_144


class LineTooLong(Exception):
    """An event has no end within the bound."""


class Events:
    """Data of whole events; `feed` gives those that the new bytes complete."""

    def __init__(self, most_bytes: int = MAX_EVENT_BYTES) -> None:
        self._most = most_bytes
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The data lines that are whole now; LineTooLong where one outgrows the bound."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        found = []
        for line in lines:
            if len(line) > self._most:
                raise LineTooLong
            if line.startswith(b"data:"):
                found.append(line[5:].strip())
        if len(self._rest) > self._most:
            raise LineTooLong
        return found

    @property
    def is_torn(self) -> bool:
        """Whether bytes are left that no line end completed."""
        return bool(self._rest.strip())
