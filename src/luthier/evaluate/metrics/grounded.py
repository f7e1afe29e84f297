"""Does what an answer claims stand in what it was given? By claim: its figures, its names, its words.

A claim is a sentence or a part of one between strong marks. It is supported when every figure in it stands in the
source, every name does, and enough of its other words do, where a word counts for what the nearest word of the source
is like it. No model is asked, so the same answer scores the same for ever; what contradicts the source in the source's
own words is not seen. How well it agrees with people stands in docs/log.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from luthier.evaluate.metrics.metric import Attempt, mean
from luthier.evaluate.safety.refusals import declines
from luthier.text.embeddings import unit, word_vectors

LIKE = 0.45
"""Below it two words say nothing alike; above it their likeness counts."""
ENOUGH = 0.6
STEM = 5
_CLAIM_END = re.compile(r"(?<=[.!?;:])\s+|\n+|(?<=\w),\s+(?=(?:and|but|which|who|while)\s)")
_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)?", re.UNICODE)


@mean("groundedness", applies_to="answers with a claim, on rows that show something")
def groundedness(row: Attempt) -> float | None:
    """Mean support of the answer's claims in what was shown, the passages and the ideal; no answer has none.

    A refusal or an answer without a claim is in no figure.
    """
    found = _supports(row)
    return None if found is None else float(np.mean(found)) if found else 0.0


@mean("hallucination_rate", wants_high=False, applies_to="answers with a claim, on rows that show something")
def hallucination_rate(row: Attempt) -> float | None:
    """Share of the answer's claims that are not supported by what was shown, the passages or the ideal.

    No answer counts as all unsupported, so that a variant cannot win by being down.
    """
    found = _supports(row)
    return None if found is None else sum(each < ENOUGH for each in found) / len(found) if found else 1.0


@mean("unsupported_figures", wants_high=False, applies_to="answers with a figure or a name in them")
def unsupported_figures(row: Attempt) -> float | None:
    """Share of the figures and names in the answer that stand nowhere in what was shown, the passages or the ideal."""
    if row.answer is None:
        return 1.0
    source = _source((*row.shown, row.example.ideal))
    claims = claims_of(row.answer)
    told = sum(len(claim.figures) + len(claim.names) for claim in claims)
    return sum(source.lacks(claim) for claim in claims) / told if told else None


class _Lists(NamedTuple):
    """Words that say nothing by themselves, and words that are figures."""

    empty: frozenset[str]
    numbers: dict[str, int]
    tens: dict[str, int]


@cache
def _lists() -> _Lists:
    read = yaml.safe_load((files("luthier.evaluate.metrics") / "words.yaml").read_text(encoding="utf-8"))
    return _Lists(frozenset(read["empty"].split()), {**read["numbers"], **read["tens"]}, read["tens"])


@dataclass(frozen=True)
class Claim:
    """One thing that is said: its figures, its names, and the stems of its other words that say something."""

    figures: tuple[str, ...]
    names: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Everything that a claim may rest on."""

    figures: frozenset[str]
    words: tuple[str, ...]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The first letters of every word."""
        return frozenset(word[:STEM] for word in self.words)

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """Vectors of length 1 of the words that have one, shape [known words, width]."""
        return _vectors(self.words)

    def lacks(self, claim: Claim) -> int:
        """How many of its figures and names are nowhere in the source."""
        figures = sum(figure not in self.figures for figure in claim.figures)
        return figures + sum(name[:STEM] not in self.stems for name in claim.names)

    def supports(self, claim: Claim) -> float:
        """From 0 to 1; less by half for each figure and name that is nowhere in it."""
        likeness = [1.0 if word[:STEM] in self.stems else self._nearest(word) for word in claim.words]
        told = len(claim.figures) + len(claim.names)
        words = [*likeness, *([1.0] * (told - self.lacks(claim)))]
        return float(np.mean(words) if words else 0.0) * 0.5 ** self.lacks(claim)

    def _nearest(self, word: str) -> float:
        known = _vectors((word,))
        if not len(known) or not len(self.vectors):
            return 0.0
        near = float((self.vectors @ known[0]).max())
        return near if near >= LIKE else 0.0


def claims_of(text: str) -> list[Claim]:
    """What a text says, claim by claim; parts that say nothing are none."""
    found = []
    for part in _CLAIM_END.split(text):
        tokens = _TOKEN.findall(part)
        figures = tuple(each for token in tokens if (each := _figure(token)) is not None)
        named = [token for place, token in enumerate(tokens) if place and token[0].isupper() and len(token) > 1]
        names = tuple(
            each.casefold() for each in named if each.casefold() not in _lists().empty and _figure(each) is None
        )
        others = (token.casefold() for token in tokens if _figure(token) is None)
        words = tuple(each for each in others if each not in _lists().empty and each not in names and len(each) > 2)
        if figures or names or words:
            found.append(Claim(figures, names, words))
    return found


def supports(answer: str, texts: Sequence[str]) -> list[float]:
    """How far each claim of the answer is supported by the texts."""
    source = _source(tuple(texts))
    return [source.supports(claim) for claim in claims_of(answer)]


def _supports(row: Attempt) -> list[float] | None:
    """Of every claim; empty where there is no answer, None where there is nothing to judge."""
    if not (row.answer or "").strip():
        return []
    if declines(row.answer):
        return None
    return supports(row.answer or "", (*row.shown, row.example.ideal)) or None


@lru_cache(maxsize=512)
def _source(texts: tuple[str, ...]) -> Source:
    tokens = [token for text in texts for token in _TOKEN.findall(text)]
    figures = {each for token in tokens if (each := _figure(token)) is not None}
    figures |= _spoken([_lists().numbers.get(token.casefold()) for token in tokens])
    figures |= {part for figure in figures for part in re.split(r"[.,:/]", figure) if part}
    return Source(frozenset(figures), tuple(dict.fromkeys(token.casefold() for token in tokens)))


def _spoken(values: Sequence[int | None]) -> set[str]:
    """Figures of two words and more: twenty six, nineteen eighty four, two thousand nine."""
    pairs = [_below_hundred(values, place) for place in range(len(values))]
    found = {str(pair) for pair in pairs if pair is not None}
    for place, value in enumerate(values):
        after = place + 1 + (place + 1 < len(values) and values[place + 1] == 1000)
        rest = pairs[after] if after < len(pairs) else None
        if value is not None and after == place + 2 and value < 100:
            found |= {str(1000 * value), str(1000 * value + (rest or 0))}
        elif value is not None and rest is not None and 10 <= value < 100 and rest >= 10:
            found.add(str(100 * value + rest))
    return found


def _below_hundred(values: Sequence[int | None], place: int) -> int | None:
    """The figure below a hundred that begins at a word."""
    value = values[place]
    if value is None or value >= 100:
        return None
    after = values[place + 1] if place + 1 < len(values) else None
    return value + after if value >= 20 and value % 10 == 0 and after and after < 10 else value


def _figure(token: str) -> str | None:
    """The figure that a token is, in digits; None for a word."""
    if token[0].isdigit():
        return token.replace(",", "").lstrip("0") or "0"
    value = _lists().numbers.get(token.casefold())
    return None if value is None else str(value)


@lru_cache(maxsize=4_096)
def _vectors(words: tuple[str, ...]) -> NDArray[np.float32]:
    known = word_vectors()
    found = [vector for word in words if word not in _lists().empty and (vector := known.of(word)) is not None]
    if not found:
        return np.zeros((0, known.vectors.shape[1]), dtype=np.float32)
    return unit(np.array(found, dtype=np.float32))
