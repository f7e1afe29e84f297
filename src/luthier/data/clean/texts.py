"""What is mended in one text; each kind of change is told."""

from collections.abc import Collection
from dataclasses import dataclass

from luthier.data.clean.boilerplate import digest_of_line, is_long_enough
from luthier.data.config import CleanConfig
from luthier.text.markup import has_markup, text_of_html
from luthier.text.quoting import split_reply
from luthier.text.repair import normalised, without_mojibake


@dataclass(frozen=True)
class Mender:
    """The changes that a project wants, made to one text at a time."""

    config: CleanConfig

    def mended(self, text: str, role: str, boilerplate: Collection[int], changes: set[str]) -> str:
        """`text` in its tidy form; what was changed is added to `changes`."""
        told = text
        if self.config.mojibake and not told.isascii():
            told = _noted(told, without_mojibake(told), "mojibake", changes)
        tidy = normalised(told)
        if tidy != told:
            changes.add("spacing" if tidy == told.strip() else "unicode")
        if role not in {"user", "assistant"} or tidy[:1] in {"{", "["}:
            return tidy
        return self._cut(tidy, role, boilerplate, changes)

    def _cut(self, text: str, role: str, boilerplate: Collection[int], changes: set[str]) -> str:
        """Prose without mark-up, quoted mails, signature and boilerplate; a text that would be empty stays."""
        config = self.config
        if config.mark_up and "```" not in text and has_markup(text):
            text = _noted(text, text_of_html(text), "mark_up", changes)
        if (config.quoted_tails and role == "user") or config.signatures:
            reply = split_reply(text)
            if config.quoted_tails and role == "user" and reply.text and reply.quoted:
                text = _noted(text, f"{reply.text}\n\n{reply.signature}".strip(), "quoted_tail", changes)
            if config.signatures and reply.text and reply.signature:
                text = _noted(text, text.replace(reply.signature, "", 1).strip(), "signature", changes)
        if boilerplate:
            text = _noted(text, _without(text, boilerplate), "boilerplate", changes)
        return text


def _noted(before: str, after: str, kind: str, changes: set[str]) -> str:
    if not after or after == before:
        return before
    changes.add(kind)
    return after


def _without(text: str, boilerplate: Collection[int]) -> str:
    lines = text.split("\n")
    kept = [line for line in lines if not (is_long_enough(line) and digest_of_line(line) in boilerplate)]
    return text if len(kept) == len(lines) else "\n".join(kept).strip()
