"""Exports of support desks: Zendesk-like tickets with comments, Intercom-like conversations with parts.

Each reply by our side becomes a row: the thread before it is the question. Private notes are no part of the thread.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from luthier.data.readers.conversations import Turn
from luthier.data.readers.parts import Draft, Malformed, NothingToLearn, Object, Origin
from luthier.domain.value import Json
from luthier.text.markup import has_markup, text_of_html
from luthier.text.quoting import split_reply

_ZENDESK = frozenset({"comments", "description", "subject", "requester_id", "id", "tags", "custom_fields", "ticket"})
_INTERCOM = frozenset({"conversation_parts", "source", "id", "title", "contacts", "tags", "type"})
_STAFF = frozenset({"admin", "agent", "bot", "team", "operator"})
_CUSTOMERS = frozenset({"user", "lead", "contact", "end-user", "end_user", "customer"})


class Said(NamedTuple):
    """One public word in a thread."""

    by_us: bool
    text: str
    at: Json


def zendesk(row: Object, origin: Origin) -> Sequence[Draft]:
    """A ticket with `comments`; who is not its requester, or is named in `ours`, is our side."""
    ticket = row["ticket"] if isinstance(row.get("ticket"), dict) else row
    comments = row.get("comments", ticket.get("comments") if isinstance(ticket, dict) else None)
    if not isinstance(ticket, dict) or not isinstance(comments, list):
        raise Malformed("`comments` is no list")
    asker = ticket.get("requester_id", ticket.get("submitter_id"))
    said = [_of_comment(comment, asker, origin) for comment in comments]
    thread = [one for one in said if one is not None and one.text]
    described = _text(ticket.get("description"))
    if described and not any(described in one.text or one.text in described for one in thread[:1]):
        thread.insert(0, Said(False, described, ticket.get("created_at")))
    tags = {key: value for key, value in ticket.items() if key not in _ZENDESK}
    return _rows_of(thread, _identity(ticket, tags, asker, origin), title=_title(ticket.get("subject")))


def intercom(row: Object, origin: Origin) -> Sequence[Draft]:
    """A conversation with a `source` and `conversation_parts`; admins and bots are our side."""
    inner = row.get("conversation_parts")
    parts = inner.get("conversation_parts") if isinstance(inner, dict) else inner
    source = row.get("source")
    if not isinstance(parts, list) or not isinstance(source, dict):
        raise Malformed("`source` or `conversation_parts` is missing")
    opening = source if "created_at" in source else source | {"created_at": row.get("created_at")}
    said = [_of_part(part, origin) for part in (opening, *parts)]
    author = source.get("author")
    asker = author.get("id") if isinstance(author, dict) else None
    tags = {key: value for key, value in row.items() if key not in _INTERCOM}
    thread = [one for one in said if one is not None and one.text]
    return _rows_of(thread, _identity(row, tags, asker, origin), title=_title(source.get("subject")))


def _of_comment(comment: Json, asker: Json, origin: Origin) -> Said | None:
    if not isinstance(comment, dict):
        raise Malformed("a comment is no object")
    if comment.get("public") is False:
        return None
    body = next((comment[key] for key in ("plain_body", "body", "html_body") if comment.get(key)), "")
    author = comment.get("author_id", comment.get("author"))
    return Said(_is_ours(author, asker, origin), _text(body), comment.get("created_at"))


def _is_ours(author: Json, asker: Json, origin: Origin) -> bool:
    if isinstance(author, dict):
        role = author.get("role", author.get("type"))
        if role in _STAFF or role in _CUSTOMERS:
            return role in _STAFF
        author = author.get("id", author.get("email"))
    if origin.ours:
        return str(author) in origin.ours
    if asker is None:
        raise Malformed("neither `requester_id` nor `ours` tells whose comments are answers")
    return author != asker


def _of_part(part: Json, origin: Origin) -> Said | None:
    if not isinstance(part, dict):
        raise Malformed("a part of the conversation is no object")
    author = part.get("author")
    if part.get("part_type", "comment") not in {"comment", "open"} or not isinstance(author, dict):
        return None
    by_us = author.get("type") in _STAFF or str(author.get("id")) in origin.ours
    return Said(by_us, _text(part.get("body")), part.get("created_at"))


def _rows_of(thread: Sequence[Said], identity: Object, *, title: str) -> Sequence[Draft]:
    """A row for each time that our side answers; what one side says in a row is one turn."""
    while thread and thread[0].by_us:
        thread = thread[1:]
    told: list[Turn] = []
    rows: list[Draft] = []
    number = identity.get("thread")
    for by_us, run in groupby(thread, key=lambda one: one.by_us):
        said = list(run)
        text = "\n\n".join(one.text for one in said)
        told.append(("assistant" if by_us else "user", f"{title}\n\n{text}" if title and not told else text))
        if by_us:
            day = {"created_at": said[-1].at} if said[-1].at is not None else {}
            group = None if number is None else str(number)
            rows.append(Draft(tuple(told), identity | day, thread=group, part=len(told) // 2))
    if not rows:
        raise NothingToLearn("nobody of ours answers a customer in this thread")
    return rows


def _identity(row: Object, tags: Object, asker: Json, origin: Origin) -> Object:
    """Tags of every row of the thread: what the ticket says, who asked, and which thread it is."""
    number = row.get("id")
    named = {"id": f"{origin.where}:{number}"} if isinstance(number, str | int) else {}
    subject = {"subject": asker} if isinstance(asker, str | int) else {}
    return tags | named | subject | {"thread": number}


def _title(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""


def _text(body: Json) -> str:
    """A comment as plain text, without what it quotes and without its signature."""
    if not isinstance(body, str):
        return ""
    return split_reply(text_of_html(body) if has_markup(body) or body.startswith("<") else body).text
