"""The tagger: embeddings of words and spelling, three convolutions, and the best allowed row of tags."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.text.pii.ner.features import LABELS, TAGS, Stretch, spelling_matrix, stretches

Floats = NDArray[np.float32]
WEIGHTS = Path(__file__).parent / "weights.npz"
DILATIONS = (1, 2, 4)
_TOKENS_AT_ONCE = 8_192
_REMEMBERED_WORDS = 200_000
_AGAINST_NOTHING = 1.0
"""Taken from the log-probability that a token is no name: a name that stays behind costs more than a word too many.

On the `dev` half of presidio_pii it leaves 3.6% of the characters instead of 3.9%.
"""
_AS_LIKELY = [TAGS.index(f"{part}-ORGANIZATION") for part in "BI"]
"""Tags that must be as likely as nothing by themselves: half of the organisations that are found are none.

On `dev` this takes F by half spans from .863 to .867 and leaves 3.6% of the characters instead of 3.5%.
"""
_CODE_SAID = re.compile(r"(?i)\b(?:zip|post(?:al)?|plz|cp)\W*(?:code)?\W*(?:\w+\W+){0,2}$")
"""What makes a number alone a postcode, besides a place right beside it."""

_NOT_LAST = frozenset(",;:?!-\u2013\u2014\"'`([{|/\\=*~_<>@")
_NOT_FIRST = _NOT_LAST | set(".)]}")
_PLACES = frozenset({"LOCATION", "STREET_ADDRESS"})
_LETTER, _WORD = re.compile(r"[^\W\d_]"), re.compile(r"\w")
_MARGIN = 16
"""Empty tokens between two stretches: more than the convolutions reach, so that none sees its neighbour."""


class Named(NamedTuple):
    """A stretch of a text that names somebody or some place, and how sure the tagger is."""

    start: int
    end: int
    entity: str
    score: float


class Tagger:
    """Weights that were read once, and the words that were met."""

    def __init__(self, weights: Path) -> None:
        with np.load(weights, allow_pickle=False) as file:
            words = bytes(file["words"]).decode().split("\n")
            self._table: Floats = file["table"].astype(np.float32) * file["table_scale"].astype(np.float32)
            self._gaps: Floats = file["gaps"]
            self._layers = [
                (file[f"conv{n}"], file[f"bias{n}"], file[f"gain{n}"], file[f"shift{n}"]) for n in range(len(DILATIONS))
            ]
            self._first = (file["first_gain"], file["first_shift"])
            self._listed = dict(zip(file["listed"].tolist(), file["lists"].tolist(), strict=True))
            self._out: tuple[Floats, Floats] = (file["out"], file["out_bias"])
        self._known = {word: place for place, word in enumerate(words)}
        self._met: dict[str, int] = {}
        self._vectors = np.zeros((1024, self._table.shape[1]), dtype=np.float32)

    def find(self, texts: Sequence[str]) -> list[list[Named]]:
        """The names in each text, in order and without overlaps."""
        found: list[list[Named]] = [[] for _ in texts]
        for batch in _batches(texts):
            for stretch, scores in zip(batch, self._scores(batch), strict=True):
                found[stretch.text_index] += _named(stretch, scores)
        return [list(_without_bare_numbers(text, names)) for text, names in zip(texts, found, strict=True)]

    def _scores(self, batch: Sequence[Stretch]) -> list[Floats]:
        """Log-probabilities of the tags of each token, that of no name lowered."""
        sizes = [len(stretch.words) for stretch in batch]
        starts = np.cumsum([_MARGIN, *(size + _MARGIN for size in sizes)])
        places = np.concatenate([np.arange(start, start + size) for start, size in zip(starts, sizes, strict=False)])
        words = self._word_vectors([word for stretch in batch for word in stretch.words])
        gaps = self._gaps[[gap for stretch in batch for gap in stretch.gaps]]
        hidden = np.zeros((int(starts[-1]), words.shape[1]), dtype=np.float32)
        hidden[places] = _normalised(words + gaps, *self._first)
        for (weights, bias, gain, shift), dilation in zip(self._layers, DILATIONS, strict=True):
            reach = weights.shape[0] // 2 * dilation
            windows = np.concatenate([hidden[places + step] for step in range(-reach, reach + 1, dilation)], axis=1)
            grown = np.maximum(windows @ weights.reshape(-1, weights.shape[2]) + bias, 0)
            same = grown.shape[1] == hidden.shape[1]
            new = _normalised(grown + hidden[places] if same else grown, gain, shift)
            hidden = np.zeros((len(hidden), new.shape[1]), dtype=np.float32)
            hidden[places] = new
        scores = hidden[places] @ self._out[0] + self._out[1]
        scores -= np.log(np.exp(scores - scores.max(1, keepdims=True)).sum(1, keepdims=True)) + scores.max(
            1, keepdims=True
        )
        scores[:, [0, *_AS_LIKELY]] -= _AGAINST_NOTHING
        return np.split(scores, np.cumsum(sizes)[:-1])

    def _word_vectors(self, words: Sequence[str]) -> Floats:
        """One vector a word; those of words met before are remembered."""
        if len(self._met) > _REMEMBERED_WORDS:
            self._met.clear()
        new = list(dict.fromkeys(word for word in words if word not in self._met))
        if new:
            first = len(self._met)
            while first + len(new) > len(self._vectors):
                self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
            self._vectors[first : first + len(new)] = self._table[spelling_matrix(new, self._known, self._listed)].sum(
                1
            )
            self._met.update(zip(new, range(first, first + len(new)), strict=True))
        return self._vectors[[self._met[word] for word in words]]


@cache
def bundled() -> Tagger:
    """The tagger that comes with the package, read when it is first needed."""
    return Tagger(WEIGHTS)


def best_tags(scores: Floats) -> NDArray[np.intp]:
    """The likeliest row of tags in which a name only goes on where it began. Shape of `scores`: [tokens, tags]."""
    greedy: NDArray[np.intp] = scores.argmax(1)
    before = np.concatenate([[0], greedy[:-1]])
    if _ALLOWED[before, greedy].all():
        return greedy
    best, back = scores[0] + _STEP[0], []
    for row in scores[1:]:
        paths = best[:, None] + _STEP
        back.append(paths.argmax(0))
        best = paths.max(0) + row
    tags = [int(best.argmax())]
    for step in reversed(back):
        tags.append(int(step[tags[-1]]))
    return np.array(tags[::-1])


def _named(stretch: Stretch, scores: Floats) -> Iterator[Named]:
    tags = best_tags(scores)
    for start in (place for place, tag in enumerate(tags) if tag % 2):
        end = start + 1
        while end < len(tags) and tags[end] == tags[start] + 1:
            end += 1
        sure = float(np.exp(scores[np.arange(start, end), tags[start:end]].mean()))
        first, last = _within_signs(stretch.words, start, end)
        if first < last:
            yield Named(stretch.places[first][0], stretch.places[last - 1][1], LABELS[int(tags[start]) // 2], sure)


def _without_bare_numbers(text: str, names: Sequence[Named]) -> Iterator[Named]:
    """The names less numbers that only their own look makes a place: an order's number looks like a postcode."""
    for place, name in enumerate(names):
        if name.entity not in _PLACES or _LETTER.search(text, name.start, name.end):
            yield name
            continue
        before, after = names[:place][-1:], names[place + 1 : place + 2]
        gaps = [text[one.end : name.start] for one in before if one.entity in _PLACES]
        gaps += [text[name.end : one.start] for one in after if one.entity in _PLACES]
        said = _CODE_SAID.search(text, max(0, name.start - 40), name.start)
        if said or any(not _WORD.search(gap) for gap in gaps):
            yield name


def _within_signs(words: Sequence[str], start: int, end: int) -> tuple[int, int]:
    """The same tokens without signs that no name begins or ends with."""
    while start < end and words[start] in _NOT_FIRST:
        start += 1
    while start < end and words[end - 1] in _NOT_LAST:
        end -= 1
    return start, end


def _batches(texts: Sequence[str]) -> Iterator[list[Stretch]]:
    batch: list[Stretch] = []
    tokens = 0
    for index, text in enumerate(texts):
        for stretch in stretches(text, index):
            batch.append(stretch)
            tokens += len(stretch.words)
            if tokens >= _TOKENS_AT_ONCE:
                yield batch
                batch, tokens = [], 0
    if batch:
        yield batch


def _normalised(rows: Floats, gain: Floats, shift: Floats) -> Floats:
    centred = rows - rows.mean(1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(1, keepdims=True) + 1e-5)
    result: Floats = centred / spread * gain + shift
    return result


def _allowed() -> NDArray[np.bool_]:
    """Whether the second tag may follow the first: an inner tag needs its own name before it."""
    allowed = np.ones((len(TAGS), len(TAGS)), dtype=np.bool_)
    for inner in range(2, len(TAGS), 2):
        allowed[:, inner] = False
        allowed[[inner - 1, inner], inner] = True
    return allowed


_ALLOWED = _allowed()
_STEP: Floats = np.where(_ALLOWED, 0.0, -1e9).astype(np.float32)
