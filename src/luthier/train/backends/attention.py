"""Attention over a sheet: each piece reads itself and its path; transformers knows it as `luthier`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from luthier.train.backends.encode import Encoded
from luthier.train.backends.sheets import LEAST_SAVED, Group, Sheet, forest, lay_out

NAME = "luthier"


def attends(model: Any) -> bool:
    """Whether `model` now reads sheets; False where its attention cannot be replaced or does more than ours.

    Marks of a library say what should work; a probe of three rows says whether it does (attention sinks, for one, come
    through an argument of their own).
    """
    inner = bare(model)
    if not inner._supports_attention_backend or _has_other_layers(inner.config):
        return False
    before, was_training = inner.config._attn_implementation, inner.training
    if before == NAME:
        return True
    inner.eval()
    with torch.no_grad():
        expected = torch.cat([inner(input_ids=row[None], use_cache=False).logits[0, 1:] for row in _probe(inner)])
        AttentionInterface.register(NAME, attend)
        inner.set_attn_implementation(NAME)
        agrees = _reads_alike(inner, expected)
    inner.train(was_training)
    if not agrees:
        inner.set_attn_implementation(before)
    return agrees


@contextmanager
def replaced_by(model: Any, name: str) -> Iterator[None]:
    """While this is open the model attends by another implementation of transformers."""
    inner = bare(model)
    before = inner.config._attn_implementation
    inner.set_attn_implementation(name)
    try:
        yield
    finally:
        inner.set_attn_implementation(before)


def bare(model: Any) -> Any:
    """The model of transformers below PEFT's wrapper, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _has_other_layers(config: Any) -> bool:
    """Recurrent layers, or attention in chunks, which a sheet would change."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return not kinds <= {"full_attention", "sliding_attention"}


def _probe(inner: Any) -> list[torch.Tensor]:
    """Three rows of which two begin alike."""
    vocabulary = inner.get_input_embeddings().num_embeddings
    rows = [torch.arange(3, 40), torch.cat([torch.arange(3, 35), torch.arange(50, 60)]), torch.arange(70, 75)]
    return [(row % vocabulary).to(inner.device) for row in rows]


def _reads_alike(inner: Any, expected: torch.Tensor) -> bool:
    """Whether the probe's logits are the same when its rows lie on one sheet, as far as the precision tells."""
    texts = [Encoded("", tuple(row.tolist()), (True,) * len(row)) for row in _probe(inner)]
    sheet = lay_out(texts, inner.device)
    try:
        found = inner(input_ids=sheet.tokens, position_ids=sheet.positions, use_cache=False, sheet=sheet).logits[0]
    except (TypeError, ValueError, KeyError):
        return False
    places = torch.cat(
        [torch.from_numpy(leaf.seen[1:]) for leaf in forest([text.ids for text in texts], LEAST_SAVED)[1]]
    )
    spread = (expected - found[places.to(inner.device)]).abs().max() / expected.abs().max()
    return bool(spread < (1e-3 if expected.dtype == torch.float32 else 0.05))


@dataclass(frozen=True)
class _How:
    """What a layer asks of its attention beside heads."""

    scaling: float | None
    dropout: float
    window: int | None
    softcap: float | None


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    sheet: Sheet,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """What every place of the sheet reads; heads of shape [1, heads, places, width] to [1, places, heads, width]."""
    del module, attention_mask, others
    how = _How(scaling, dropout, sliding_window, softcap)
    asks, keys, values = (heads.squeeze(0).transpose(0, 1) for heads in (query, key, value))
    read = [
        _read(_gathered(asks, group.queries), _gathered(keys, group.keys), _gathered(values, group.keys), group, how)
        for group in sheet.groups
    ]
    whole = read[0] if len(read) == 1 else torch.cat(read)
    return whole.index_select(0, sheet.lines).unsqueeze(0), None


def _gathered(heads: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Shape [lines, heads, longest, width]."""
    lines, longest = places.shape
    return heads.index_select(0, places.flatten()).view(lines, longest, *heads.shape[1:]).transpose(1, 2)


def _read(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, group: Group, how: _How) -> torch.Tensor:
    """The group's lines laid end to end, shape [lines x longest, heads, width]."""
    mask = group.mask(how.window, query.dtype)
    if how.softcap is not None:
        scale = query.shape[-1] ** -0.5 if how.scaling is None else how.scaling
        read = _capped(query, key, value, mask, scale=scale, softcap=how.softcap)
    else:
        read = scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=how.dropout, is_causal=mask is None, scale=how.scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        )  # fmt: skip
    return read.transpose(1, 2).flatten(0, 1)


def _capped(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    *,
    scale: float,
    softcap: float,
) -> torch.Tensor:
    """Attention whose scores are bent to stay within `softcap`, which no fused kernel of torch does (Gemma 2)."""
    groups = query.shape[1] // key.shape[1]
    key, value = (heads.repeat_interleave(groups, dim=1) for heads in (key, value))
    scores = torch.tanh(query @ key.transpose(2, 3) * (scale / softcap)) * softcap
    if mask is None:
        length = query.shape[2]
        hidden = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
        scores = scores.masked_fill(hidden, torch.finfo(query.dtype).min)
    else:
        scores = scores + mask
    return torch.softmax(scores.float(), dim=-1).to(query.dtype) @ value
