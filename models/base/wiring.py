"""Starting weights that can already copy, so that no tokens are spent on discovering how.

A transformer learns to copy through two heads in a row: one brings along the token before, the next looks for where
the present token came before and takes what followed ("induction heads", Olsson et al. 2022). From random weights that
discovery alone took more tokens than we have. Here both heads are written down at the start, for the last token and
the one before it (between two words stands a space), and everything else starts at no effect.
"""

import math
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

WORD_DIMS = 160  # the part of the residual stream in which a token says what it is; dimension 0 holds a constant
CONSTANT, WORD_SCALE = 0.2, 0.05
FAST_PAIRS = 6  # rotary pairs that turn fast enough to tell neighbours apart; the slower ones carry content
OFFSET_SHARPNESS, MATCH_SHARPNESS = 1.46, 2.26
CARRY_SCALE, COPY_SCALE = 0.035, 0.1


def wire_for_copying(model: LlamaForCausalLM, seed: int) -> None:
    """`model` repeats what it has seen before; its other heads and its feed-forward parts add nothing yet."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        words = model.model.embed_tokens.weight
        words.zero_()
        words[:, 0] = CONSTANT
        words[:, 1 : 1 + WORD_DIMS] = torch.randn(len(words), WORD_DIMS, generator=random) * WORD_SCALE
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        size = head_size(model)
        sketch = torch.linalg.qr(torch.randn(WORD_DIMS, size, generator=random)).Q.T
        for head, offset in ((0, 1), (1, 2)):
            _carry(model, head, offset, sketch)
        for head in range(WORD_DIMS // size):
            _copy(model, head, sketch)


def head_size(model: LlamaForCausalLM) -> int:
    """The width of one attention head."""
    return int(model.config.hidden_size) // int(model.config.num_attention_heads)


def _head(model: LlamaForCausalLM, layer: int, head: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The head's query, key and value rows and output columns, as views into the weights; the first three zeroed."""
    attention: Any = model.model.layers[layer].self_attn
    size = head_size(model)
    rows = slice(head * size, (head + 1) * size)
    query, key, value = (getattr(attention, f"{part}_proj").weight[rows] for part in "qkv")
    for part in (query, key, value):
        part.zero_()
    return query, key, value, attention.o_proj.weight[:, rows]


def _carry(model: LlamaForCausalLM, head: int, offset: int, sketch: Tensor) -> None:
    """In the first layer `head` brings a sketch of the token `offset` places back."""
    query, key, value, out = _head(model, 0, head)
    size = head_size(model)
    rope: Any = model.config.rope_parameters
    theta = float(rope["rope_theta"])
    for pair in range(FAST_PAIRS):
        angle = offset * theta ** (-2 * pair / size)
        key[pair, 0] = OFFSET_SHARPNESS
        query[pair, 0] = OFFSET_SHARPNESS * math.cos(angle)
        query[pair + size // 2, 0] = -OFFSET_SHARPNESS * math.sin(angle)
    value[:, 1 : 1 + WORD_DIMS] = sketch
    start = 1 + WORD_DIMS + head * size
    out[start : start + size] = torch.eye(size) * CARRY_SCALE


def _copy(model: LlamaForCausalLM, head: int, sketch: Tensor) -> None:
    """In the second layer `head` finds where the last two tokens came before and copies its share of what followed."""
    query, key, value, out = _head(model, 1, head)
    size = head_size(model)
    before, before_that = 1 + WORD_DIMS, 1 + WORD_DIMS + size
    slow = size // 2 - FAST_PAIRS
    for place in range(slow):
        row = (head * 6 + place) % size
        low, high = FAST_PAIRS + place, size // 2 + FAST_PAIRS + place
        query[low, 1 : 1 + WORD_DIMS] = MATCH_SHARPNESS * sketch[row]
        key[low, before + row] = MATCH_SHARPNESS
        query[high, before + row] = MATCH_SHARPNESS
        key[high, before_that + row] = MATCH_SHARPNESS
    share = slice(1 + head * size, 1 + (head + 1) * size)
    value[:, share] = torch.eye(size)
    out[share] = torch.eye(size) * COPY_SCALE
