"""Mailboxes: each mail that our side wrote in reply becomes a row, with the thread before it as the question."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice
from typing import BinaryIO, NamedTuple, cast

import pyarrow as pa

from luthier.data.readers.columns import read_records
from luthier.data.readers.conversations import Turn
from luthier.data.readers.lines import CHUNK_BYTES
from luthier.data.readers.parts import (
    MAX_ROW_BYTES,
    Draft,
    Fault,
    Malformed,
    NothingToLearn,
    Object,
    Origin,
    Record,
    Records,
)
from luthier.data.readers.streams import Part, closing, seekable
from luthier.text.markup import text_of_html
from luthier.text.quoting import Reply, split_reply

MAX_MAILS = 500_000
"""Where each mail stands is held: some 200 MB for so many."""
MAX_NESTED = 100
"""Python's parser goes down one call for each part within a part, and comes to an end near 1,000."""
MAX_THREAD = 50
"""Mails of a thread that are told before an answer."""

_ID = re.compile(r"<[^<>\s]{1,500}>")
_RE = re.compile(r"^(?:\s*(?:re|aw|sv|antw|fwd?|wg)\s*(?:\[\d+\])?:\s*)+", re.IGNORECASE)


class Located(NamedTuple):
    """Where a mail stands in its mailbox, and what threads are made of."""

    start: int
    end: int
    name: str
    parent: str | None
    sender: str
    subject: str


def mail(stream: BinaryIO, origin: Origin) -> Iterator[pa.RecordBatch | Fault]:
    """An mbox, or one mail as it was sent; needs `ours` to know whose mails are answers.

    Two passes: headers first, then the bodies of one thread at a time, so that no mailbox is too large.
    """
    if not origin.ours:
        yield Fault(line=1, what="nobody says whose mails are answers: name addresses or domains in `ours`")
        return
    with seekable(stream) as there_and_back:
        box = _Mailbox(there_and_back, origin)
        yield from read_records(box.records(), box.row_of, origin)


def joined(parts: Sequence[Part], place: str) -> Part:
    """Mails that lie in a file each, as one mailbox, so that threads are found."""

    def open_joined() -> BinaryIO:
        box = tempfile.TemporaryFile()  # noqa: SIM115  its reader closes it
        for part in parts:
            with closing(part.open()) as stream:
                content = stream.read(MAX_ROW_BYTES + 1)
            box.write(b"From -\n" + content.replace(b"\nFrom ", b"\n>From ") + b"\n\n")
        box.seek(0)
        return cast("BinaryIO", box)  # typeshed names a wrapper that has the same methods

    return Part(place, open_joined)


class _Mailbox:
    def __init__(self, stream: BinaryIO, origin: Origin) -> None:
        self._stream = stream
        self._origin = origin
        self._mails: list[Located] = []
        self._by_name: dict[str, int] = {}

    def records(self) -> Records:
        """Every mail by its number."""
        # before any mail is read: both move the stream
        stretches = list(islice(_stretches(self._stream), MAX_MAILS + 1))
        if len(stretches) > MAX_MAILS:
            yield Fault(line=MAX_MAILS + 1, what=f"more than {MAX_MAILS:,} mails in one mailbox; split it")
            return
        for number, (start, end) in enumerate(stretches, start=1):
            if end - start > MAX_ROW_BYTES:
                # kept as a place without words, so that mails keep their numbers
                self._mails.append(Located(start, start, "", None, "", ""))
                yield Fault(line=number, what=f"a mail of more than {MAX_ROW_BYTES:,} bytes")
                continue
            located = _located(start, end, self._parse(start, end, headers_only=True))
            self._by_name.setdefault(located.name, len(self._mails))
            self._mails.append(located)
        for place, one in enumerate(self._mails):
            if self._is_ours(one.sender):
                yield Record(place + 1, {"place": place}, one.end - one.start)

    def row_of(self, row: Object, _: Origin) -> tuple[Draft, ...]:
        """The row of one mail by our side."""
        place = row["place"]
        if not isinstance(place, int):
            raise NothingToLearn("no mail stands there")
        answer = self._mails[place]
        message = self._parse(answer.start, answer.end)
        said = _reply(message)
        chain = self._chain(place)
        told = self._thread_before(chain) or _quoted(said)
        if not told:
            raise NothingToLearn("the mail answers no mail of this mailbox")
        if answer.subject:
            told[0] = (told[0][0], f"{answer.subject}\n\n{told[0][1]}")
        asker = next((who for one in chain if not self._is_ours(who := self._mails[one].sender)), None)
        subject: Object = {"subject": asker} if asker else {}
        thread = self._mails[chain[0]].name or f"{self._origin.where}:{chain[0] + 1}"
        return (Draft([*told, ("assistant", said.text)], subject | _date_of(message), thread=thread),)

    def _chain(self, place: int) -> list[int]:
        """Places of the mail at `place` and of what it answers, back to the first mail; oldest first."""
        chain = [place]
        while len(chain) <= MAX_THREAD:
            parent = self._by_name.get(self._mails[chain[-1]].parent or "")
            if parent is None or parent in chain:
                break
            chain.append(parent)
        return chain[::-1]

    def _thread_before(self, chain: list[int]) -> list[Turn]:
        told: list[Turn] = []
        for one in (self._mails[place] for place in chain[:-1]):
            role = "assistant" if self._is_ours(one.sender) else "user"
            text = _reply(self._parse(one.start, one.end)).text
            if not text or (not told and role == "assistant"):
                continue
            if told and told[-1][0] == role:
                told[-1] = (role, f"{told[-1][1]}\n\n{text}")
            else:
                told.append((role, text))
        if told and told[-1][0] == "assistant":
            told.pop()
        return told

    def _is_ours(self, sender: str) -> bool:
        return any(sender.endswith(ours.lower()) if ours.startswith("@") else sender == ours.lower()
                   for ours in self._origin.ours)  # fmt: skip

    def _parse(self, start: int, end: int, *, headers_only: bool = False) -> Message:
        self._stream.seek(start)
        content = self._stream.read(min(end - start, 1 << 16) if headers_only else end - start)
        if not headers_only and content.lower().count(b"boundary=") > MAX_NESTED:
            raise Malformed(f"a mail of more than {MAX_NESTED} parts within parts")
        return BytesParser().parsebytes(content.replace(b"\n>From ", b"\nFrom "), headersonly=headers_only)


def _stretches(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Start and end of every mail; a file that does not begin with `From ` is one mail."""
    stream.seek(0)
    position, start = 0, None
    may_begin = True
    while line := stream.readline(CHUNK_BYTES):
        if may_begin and line.startswith(b"From "):
            if start is not None:
                yield start, position
            start = position + len(line)
        may_begin = line in {b"\n", b"\r\n"}
        position += len(line)
        if start is None:
            start = 0
    if start is not None:
        yield start, position


def _located(start: int, end: int, message: Message) -> Located:
    answered = (
        _ID.findall(str(message.get("In-Reply-To", "")))[:1] or _ID.findall(str(message.get("References", "")))[-1:]
    )
    name = _ID.search(str(message.get("Message-ID", "")))
    senders = getaddresses([str(message.get("From", ""))[:1000]])
    return Located(
        start,
        end,
        name.group() if name else "",
        answered[0] if answered else None,
        senders[0][1].lower() if senders else "",
        _RE.sub("", _decoded(str(message.get("Subject", ""))[:1000])).strip(),
    )


def _decoded(header: str) -> str:
    try:
        return " ".join(str(make_header(decode_header(header))).split())
    except (ValueError, LookupError, MessageError):
        return " ".join(header.encode("ascii", "replace").decode().split())


def _date_of(message: Message) -> Object:
    try:
        return {"date": parsedate_to_datetime(str(message.get("Date", ""))).date().isoformat()}
    except ValueError:
        return {}


def _reply(message: Message) -> Reply:
    """The parts of the mail's text; its HTML as text where it has no plain text."""
    texts = {kind: _text_of(message, kind) for kind in ("text/plain", "text/html")}
    return split_reply(texts["text/plain"].strip() or text_of_html(texts["text/html"]))


def _text_of(message: Message, kind: str) -> str:
    for part in message.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                return _text(content, part.get_content_charset("utf-8"))
    return ""


def _text(content: bytes, charset: str) -> str:
    for name in (charset, "utf-8"):
        try:
            return content.decode(name).replace("\r\n", "\n")
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("cp1252", "replace").replace("\r\n", "\n")


def _quoted(said: Reply) -> list[Turn]:
    return [("user", said.quoted)] if said.quoted else []
