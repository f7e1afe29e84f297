"""HTML as the text that a person sees; one pass, whatever the input."""

import html
import re

_TAG = re.compile(
    r"</?(?:p|br|div|span|table|tr|td|th|ul|ol|li|b|i|u|em|strong|a|h[1-6]|html|body|font|blockquote|pre)\b"
    r"[^<>]{0,2000}>",
    re.IGNORECASE,
)
_NAME = re.compile(r"/?\s*([a-zA-Z][a-zA-Z0-9]*)")
_UNSEEN_END = {
    name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("script", "style", "head", "title", "template")
}
_BLOCKS = frozenset({
    "address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "fieldset", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table",
    "tr", "ul",
})  # fmt: skip
_SPACES = re.compile(r"[ \t\r\n\f]+")
_TIDY = ((re.compile(r" *\n *"), "\n"), (re.compile(r"\n{3,}"), "\n\n"), (re.compile(r" {2,}"), " "))


def has_markup(text: str) -> bool:
    """Whether `text` holds at least two HTML tags."""
    if "<" not in text:
        return False
    found = _TAG.finditer(text)
    return next(found, None) is not None and next(found, None) is not None


def text_of_html(markup: str) -> str:
    """The visible text: blocks on lines of their own, list items with a dash, scripts and comments gone."""
    told: list[str] = []
    place = 0
    while (opening := markup.find("<", place)) >= 0:
        told.append(_plain(markup[place:opening]))
        place = _after_tag(markup, opening, told)
    told.append(_plain(markup[place:]))
    text = "".join(told)
    for pattern, instead in _TIDY:
        text = pattern.sub(instead, text)
    return text.strip()


def _plain(text: str) -> str:
    return html.unescape(_SPACES.sub(" ", text)).replace("\u00a0", " ")


def _after_tag(markup: str, opening: int, told: list[str]) -> int:
    """Where the text goes on after what begins at `opening`; what the tag stands for is told."""
    if markup.startswith("<!--", opening):
        end = markup.find("-->", opening + 4)
        return len(markup) if end < 0 else end + 3
    closing = markup.find(">", opening)
    found = _NAME.match(markup, opening + 1)
    if closing < 0 or (found is None and markup[opening + 1 : opening + 2] not in {"!", "?"}):
        told.append("<" if closing >= 0 else _plain(markup[opening:]))
        return opening + 1 if closing >= 0 else len(markup)
    name = found[1].lower() if found else ""
    is_end = markup[opening + 1] == "/"
    if name in _UNSEEN_END and not is_end:
        end_tag = _UNSEEN_END[name].search(markup, closing)
        return len(markup) if end_tag is None else end_tag.start()
    if name in _BLOCKS:
        told.append("\n- " if name == "li" and not is_end else "\n")
    elif name in {"td", "th"} and not is_end:
        told.append(" ")
    return closing + 1
