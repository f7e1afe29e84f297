"""Strata as codes: one figure per row in place of its tags."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from luthier.data.plan.shards import Shards
from luthier.errors import UserError

_TAGS_TOLD = 20


@dataclass(frozen=True)
class Strata:
    """The stratum of every row, and the tags' values of each stratum."""

    codes: NDArray[np.int64]
    values: tuple[tuple[str, ...], ...]


def strata_of(shards: Shards, tags: Sequence[str]) -> Strata:
    """The combinations of the tags' values; a row without a tag has the empty value."""
    codes = np.zeros(len(shards), dtype=np.int64)
    values: list[tuple[str, ...]] = [()]
    for tag in tags:
        column = pa.chunked_array(
            [pc.map_lookup(batch["strata"], tag, "first").fill_null("") for _, batch in shards.batches("strata")],
            pa.string(),
        ).dictionary_encode().unify_dictionaries()  # fmt: skip
        known = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
        mine = np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks]) if known else codes
        pairs, codes = np.unique(codes * max(len(known), 1) + mine, return_inverse=True)
        values = [(*values[pair // len(known)], known[pair % len(known)]) for pair in pairs.tolist()]
    return Strata(codes, tuple(values))


def check_tags(strata: Strata, tags: Sequence[str], shards: Shards) -> None:
    """UserError where no row has one of the tags."""
    for place, tag in enumerate(tags):
        if len(shards) and not any(values[place] for values in strata.values):
            known = sorted({name for _, batch in shards.batches("strata") for name in _names(batch["strata"])})
            hint = f"the rows' tags are {known[:_TAGS_TOLD]}"
            raise UserError(f"no row has the tag {tag!r} to stratify by", hint=hint)


def _names(strata: pa.MapArray) -> list[str]:
    names: list[str] = strata.keys.unique().to_pylist()
    return names
