"""Keys and values of prompts read before: what a new prompt begins with need not be computed again."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

SHORTEST = 32
"""Shared tokens that are worth a mask: below that, reading the prompt whole is as fast."""
TOKENS_KEPT = 8_192

LayerStates = tuple[Tensor, Tensor]
"""Keys and values of one layer, each of shape [1, heads, tokens, head size]."""


@dataclass(frozen=True)
class Prefix:
    """The beginning of a prompt under one adapter."""

    adapter: str | None
    tokens: tuple[int, ...]
    states: tuple[LayerStates, ...]

    def first(self, count: int) -> "Prefix":
        """Its first tokens: under a causal model they never depend on what follows."""
        shorter = tuple((keys[:, :, :count], values[:, :, :count]) for keys, values in self.states)
        return Prefix(self.adapter, self.tokens[:count], shorter)


class PrefixStore:
    """The prompts read last, the most useful first; bounded by `TOKENS_KEPT`, however long the process lives."""

    def __init__(self) -> None:
        self._kept: list[Prefix] = []

    def longest(self, adapter: str | None, prompts: Sequence[Sequence[int]]) -> Prefix | None:
        """The longest known beginning that all `prompts` share, each with a token left to read; None if too short."""
        room = min(len(prompt) for prompt in prompts) - 1
        best, count = None, SHORTEST - 1
        for known in self._kept:
            if known.adapter == adapter:
                shared = min(room, *(_shared(known.tokens, prompt) for prompt in prompts))
                best, count = (known, shared) if shared > count else (best, count)
        if best is None:
            return None
        self._kept.remove(best)
        self._kept.insert(0, best)
        return best.first(count)

    def keep(self, prefix: Prefix) -> None:
        """Remembers a prompt, and forgets those that were of use the longest ago."""
        kept, room = [], TOKENS_KEPT
        for known in (prefix, *self._kept):
            if len(known.tokens) <= room:
                kept.append(known)
                room -= len(known.tokens)
        self._kept = kept


def _shared(known: Sequence[int], prompt: Sequence[int]) -> int:
    pairs = zip(known, prompt, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(known), len(prompt)))
