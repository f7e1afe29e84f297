"""Which worked examples a few-shot variant shows."""

import hashlib
from collections.abc import Sequence

from luthier.domain.examples import Example
from luthier.errors import UserError


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


def _draw(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
