"""Which worked examples a few-shot variant shows: the same ones always, or those that fit the question.

Source of the spread (maximal marginal relevance): Carbonell & Goldstein, The Use of MMR (SIGIR 1998).
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from luthier.domain.examples import Example, Message
from luthier.domain.variants import Variant
from luthier.errors import UserError
from luthier.text.embeddings import Counts, Floats, unit, vectors_of
from luthier.text.tokens import tokens_of_texts

RELEVANCE = 0.7
"""How much closeness to the question counts in a diverse choice; the rest is distance from what is chosen already."""


def pick_shots(examples: Sequence[Example], count: int, *, seed: int) -> tuple[Example, ...]:
    """`count` examples in a fixed order, one per stratum before any second, the commonest strata first.

    Within a stratum a seeded hash of the id decides, so the choice depends neither on the order of `examples` nor
    on what other strata hold.
    """
    if count > len(examples):
        raise UserError(f"{count} worked examples were asked of {len(examples)}", hint="lower `examples` or add data")
    strata: dict[tuple[tuple[str, str], ...], list[Example]] = {}
    for example in sorted(examples, key=lambda each: _draw(each.id, seed)):
        strata.setdefault(tuple(example.strata.items()), []).append(example)
    ranked = sorted(strata.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    rounds = [(place, rank, member) for rank, (_, held) in enumerate(ranked) for place, member in enumerate(held)]
    rounds.sort(key=lambda entry: entry[:2])
    return tuple(member for _, _, member in rounds[:count])


def shots_for(variant: Variant, question: Sequence[Message]) -> tuple[Example, ...]:
    """The worked examples shown with this question, the closest one last; none that asks the very same."""
    choice = variant.shot_choice
    if choice is None:
        return variant.shots
    asked = next((message.content for message in reversed(question) if message.role == "user"), "")
    pool = [shot for shot in variant.shots if shot.asked != asked]
    return choose_shots(pool, asked, choice.count, relevance=RELEVANCE if choice.how == "diverse" else 1.0)


def choose_shots(pool: Sequence[Example], asked: str, count: int, *, relevance: float) -> tuple[Example, ...]:
    """At most `count` of the pool, the closest to `asked` last.

    Args:
        pool: Where to choose from; ties are settled by this order.
        asked: The question.
        count: How many to choose.
        relevance: 1 takes the closest; less also asks that each differ from those taken before it.

    """
    if not pool:
        return ()
    vectors = _vectors(tuple(shot.asked for shot in pool), asked)
    close, among = vectors[:-1] @ vectors[-1], vectors[:-1] @ vectors[:-1].T
    taken: list[int] = []
    nearest = np.zeros(len(pool), dtype=np.float32)
    for _ in range(min(count, len(pool))):
        worth = relevance * close - (1 - relevance) * nearest
        worth[taken] = -np.inf
        taken.append(int(np.argmax(worth)))
        nearest = np.maximum(nearest, among[taken[-1]])
    return tuple(pool[place] for place in sorted(taken, key=lambda place: (close[place], -place)))


def _vectors(questions: tuple[str, ...], asked: str) -> Floats:
    """Lines of length 1 for the pool's questions and, last, for the one asked: half meaning, half words."""
    counts, known = _pool(questions)
    return np.vstack([known, unit(np.hstack(vectors_of(tokens_of_texts([asked]), counts)))])


@lru_cache(maxsize=16)  # a gateway chooses from the same few pools all day
def _pool(questions: tuple[str, ...]) -> tuple[Counts, Floats]:
    tokens = tokens_of_texts(questions)
    counts = Counts.of([tokens])
    return counts, unit(np.hstack(vectors_of(tokens, counts)))


def _draw(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
