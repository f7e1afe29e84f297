"""How an answer sounds, as far as a machine can tell: the charter's style sheet and the taxonomy's glossary."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from luthier.assess.config import CharterConfig, StyleConfig
from luthier.assess.targets import stands_in

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")


@dataclass(frozen=True)
class Wording:
    """What the charter says of how answers must be worded; empty where it says nothing."""

    style: StyleConfig = field(default_factory=StyleConfig)
    glossary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, charter: CharterConfig) -> "Wording":
        """The wording of this charter."""
        glossary = charter.taxonomy.glossary if charter.taxonomy else {}
        return cls(charter.style or StyleConfig(), glossary)


def style_faults(style: StyleConfig, text: str) -> frozenset[str]:
    """Each line of the style sheet that the text breaks, in words."""
    words = len(_WORD.findall(text))
    found = {f"says {phrase!r}" for phrase in style.forbidden if stands_in(phrase, text)}
    if style.expected and not any(stands_in(phrase, text) for phrase in style.expected):
        found.add("says nothing of what is expected")
    if style.max_words is not None and words > style.max_words:
        found.add("too long")
    if words < style.min_words:
        found.add("too short")
    return frozenset(found)


def is_off_tone(style: StyleConfig, text: str, ideal: str) -> bool:
    """Whether the text breaks a line of the style sheet that the ideal keeps."""
    return bool(style_faults(style, text) - style_faults(style, ideal))


def missed_terms(glossary: Mapping[str, tuple[str, ...]], text: str, ideal: str) -> frozenset[str]:
    """Terms that the ideal uses and the text does not, or in whose place the text says what the ideal does not.

    Terms are compared as whole words, case aside; an inflected form is another word and has a line of its own.
    """
    return frozenset(
        term
        for term, instead in glossary.items()
        if (stands_in(term, ideal) and not stands_in(term, text))
        or any(stands_in(other, text) and not stands_in(other, ideal) for other in instead)
    )
