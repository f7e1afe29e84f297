"""Somebody else's weights: a llama2.c checkpoint turned into an ordinary model folder.

Format: `run.c` of llama2.c (Andrej Karpathy, MIT), the legacy header of seven integers. Its rotary pairs are
neighbours; transformers pairs the halves of a head, so the rows of the query and key matrices change places. It never
saw `</s>` in training, whose embedding is therefore noise: stories end where `<s>` begins the next one.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers

FIRST_PIECE = 259
"""Before it: unknown, begin, end, and one token per byte."""

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}{{ eos_token }}{% endgeneration %}"
    "{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
)


def convert(checkpoint: Path, pieces: Path, folder: Path) -> Path:
    """`folder` with config, safetensors and tokenizer."""
    folder.mkdir(parents=True)
    raw = checkpoint.read_bytes()
    width, inner, layers, heads, groups, vocabulary, context = struct.unpack("<7i", raw[:28])
    tensors = _tensors(raw, width, inner, layers, heads, groups, vocabulary)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    shape = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": width, "intermediate_size": inner,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": groups,
        "vocab_size": vocabulary, "max_position_embeddings": context, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 1, "torch_dtype": "float32",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(shape))
    _tokenizer(pieces.read_bytes(), vocabulary).save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "<s>", "unk_token": "<unk>",
        "chat_template": TEMPLATE, "model_max_length": context, "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def _tensors(
    raw: bytes, width: int, inner: int, layers: int, heads: int, groups: int, vocabulary: int
) -> dict[str, torch.Tensor]:
    values: NDArray[np.float32] = np.frombuffer(raw, dtype="<f4", offset=28)
    at = 0

    def take(*shape: int) -> NDArray[np.float32]:
        nonlocal at
        size = int(np.prod(shape))
        at += size
        return values[at - size : at].reshape(shape)

    head = width // heads
    found = {"model.embed_tokens.weight": take(vocabulary, width)}
    per_layer = {
        "input_layernorm": take(layers, width),
        "self_attn.q_proj": _halves(take(layers, width, width), head),
        "self_attn.k_proj": _halves(take(layers, groups * head, width), head),
        "self_attn.v_proj": take(layers, groups * head, width),
        "self_attn.o_proj": take(layers, width, width),
        "post_attention_layernorm": take(layers, width),
        "mlp.gate_proj": take(layers, inner, width),
        "mlp.down_proj": take(layers, width, inner),
        "mlp.up_proj": take(layers, inner, width),
    }
    for name, stacked in per_layer.items():
        found |= {f"model.layers.{layer}.{name}.weight": stacked[layer] for layer in range(layers)}
    found["model.norm.weight"] = take(width)
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in found.items()}


def _halves(stacked: NDArray[np.float32], head: int) -> NDArray[np.float32]:
    """Rows of each head: first those at even places, then those at odd ones."""
    layers, rows, width = stacked.shape
    return stacked.reshape(layers, rows // head, head // 2, 2, width).swapaxes(2, 3).reshape(layers, rows, width)


def _tokenizer(raw: bytes, vocabulary: int) -> Tokenizer:
    """SentencePiece's BPE: of all neighbours, the pair whose joined piece scores highest is joined first."""
    at, pieces, scores = 4, ["<unk>", "<s>", "</s>"], [0.0] * 3
    for number in range(vocabulary):
        score, length = struct.unpack_from("<fi", raw, at)
        at += 8 + length
        if number >= len(pieces):
            name = f"<0x{number - 3:02X}>" if number < FIRST_PIECE else raw[at - length : at].decode()
            pieces.append(name)
            scores.append(score)
    numbers = {piece: number for number, piece in enumerate(pieces)}
    joined = range(FIRST_PIECE, vocabulary)
    splits = [(pieces[n][:cut], pieces[n][cut:], n) for n in joined for cut in range(1, len(pieces[n]))]
    merges = sorted((-scores[n], n, one, other) for one, other, n in splits if one in numbers and other in numbers)
    tokenizer = Tokenizer(
        models.BPE(numbers, [(one, other) for _, _, one, other in merges], unk_token="<unk>", byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer
