"""Links and images in answers that lead to other hosts than those allowed: a way to carry data out (EchoLeak)."""

import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

GONE = "[link removed]"
_TARGET = r"(?:<[^<>\n]{0,2048}>|[^\s()<>]{0,2048}(?:\([^\s()<>]{0,256}\)[^\s()<>]{0,2048}){0,4})"
_LABEL = r"[^\[\]\n]{0,512}(?:\[[^\[\]\n]{0,256}\][^\[\]\n]{0,256}){0,4}"
_INLINE = rf"!?\[(?P<label>{_LABEL})\]\(\s{{0,8}}(?P<inline>{_TARGET})[^()\n]{{0,512}}\)"
_DEFINED = rf"^[ ]{{0,3}}\[[^\[\]\n]{{1,256}}\]:[ \t]{{0,8}}(?P<defined>{_TARGET})[^\n]{{0,512}}"
_NAMES = "img|a|iframe|script|link|form|video|audio|source|object|embed|svg|base|meta|style"
_TAG = rf"<\s{{0,4}}/?\s{{0,4}}(?:{_NAMES})\b[^<>]{{0,4096}}>?"
_AUTO = r"<(?P<auto>[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]{0,2048})>"
_WITHIN = r"[^\s<>\"'`|^{}\[\]]"
_BARE = (
    rf"(?P<bare>(?:[A-Za-z][A-Za-z0-9+.-]{{1,31}}:)?\\?/\\?/{_WITHIN}{{1,2048}}|\bwww\.{_WITHIN}{{1,2048}}"
    r"|\b(?:data:[a-z0-9.+-]{1,64}/|(?:javascript|mailto):)[^\s<>\"']{1,4096})"
)
_ANY = re.compile("|".join((_INLINE, _DEFINED, _AUTO, rf"(?P<tag>{_TAG})", _BARE)), re.IGNORECASE | re.MULTILINE)
_SIGNS = re.compile(r"//|\\/|\]\(|\]:|<\s{0,4}[A-Za-z/]|www\.|data:|javascript:|mailto:", re.IGNORECASE)
_IN_TAG = re.compile(
    r"(?:src|href|action|data|poster|srcset|url)\s{0,4}=\s{0,4}[\"']?([^\"'\s>]{1,2048})", re.IGNORECASE
)


class Stripped(NamedTuple):
    """A text without foreign links, and how many there were."""

    text: str
    removed: int


def strip_links(text: str, allowed: Collection[str]) -> Stripped:
    """Markdown links become their label; images, tags and bare addresses become a mark; allowed hosts stay."""
    if not _SIGNS.search(text):
        return Stripped(text, 0)
    count = 0

    def replaced(found: re.Match[str]) -> str:
        nonlocal count
        if not _is_foreign(found, allowed):
            return found[0]
        count += 1
        if found["inline"] is not None and not found[0].startswith("!"):
            return strip_links(found["label"], allowed).text if found["label"].strip() else GONE
        return GONE

    stripped = _ANY.sub(replaced, text)
    return Stripped(stripped, count)


def _is_foreign(found: re.Match[str], allowed: Collection[str]) -> bool:
    if found["tag"] is not None:
        targets = _IN_TAG.findall(found["tag"])
        name = re.sub(r"[<\s/]", "", found["tag"])[:6].lower()
        if name.startswith(("script", "iframe", "object", "embed", "style", "base", "meta", "svg", "form")):
            return True
        return any(not _leads_to(target, allowed) for target in targets)
    target = found["inline"] or found["defined"] or found["auto"] or found["bare"] or ""
    return not _leads_to(target.strip("<>"), allowed)


def _leads_to(target: str, allowed: Collection[str]) -> bool:
    """Whether an address stays here: within the page, or on an allowed host."""
    target = re.sub(r"[\x00-\x20]", "", target).replace("\\", "/")
    if target.lower().startswith("www."):
        target = f"//{target}"
    try:
        parts = urlsplit(target)
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    if not parts.scheme and not target.startswith("//"):
        return True  # a path or a fragment
    if parts.scheme not in ("", "http", "https"):
        return False
    return any(host == name or host.endswith(f".{name}") for name in map(str.lower, allowed))
