"""A decoder as llama.cpp names things: architecture facts, tensor names, and the tokenizer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import Refused, UserError
from luthier.train.exports.gguf import Fact

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma": "gemma"}
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5
_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
_WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_LAYER = re.compile(r"^model\.layers\.(\d+)\.(.+)\.(weight|bias)$")

_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITTINGS: Mapping[tuple[tuple[object, object], ...], str] = {
    (("ByteLevel", True),): "gpt-2",
    (("Digits", True), ("ByteLevel", True)): "smollm",
    (("Split", _LLAMA3), ("ByteLevel", False)): "llama-bpe",
    (("Split", _LLAMA3.replace("{1,3}", "")), ("ByteLevel", False)): "qwen2",
}
"""How a tokenizer.json cuts text before merging -> the name under which llama.cpp does the same."""


def architecture_facts(config: Mapping[str, Any], *, name: str, is_bf16: bool) -> dict[str, Fact]:
    """What llama.cpp must know to compute; Refused for an architecture that is not written here."""
    family = str(config.get("model_type"))
    arch = ARCHITECTURES.get(family)
    if arch is None:
        raise Refused(
            f"no GGUF is written for the family {family!r}",
            hint=f"export it merged, and convert that with llama.cpp's own script; known are {sorted(ARCHITECTURES)}",
        )
    if family == "gemma" and not config["tie_word_embeddings"]:
        raise Refused("llama.cpp's gemma has no output matrix of its own", hint="export it merged instead")
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    width = config.get("head_dim") or hidden // heads
    rope = config.get("rope_parameters") or config
    if rope.get("rope_type", "default") != "default":
        raise Refused(f"rope scaling {rope['rope_type']!r} is not written", hint="export it merged instead")
    return {
        "general.architecture": arch,
        "general.name": name,
        "general.alignment": 32,
        "general.file_type": 32 if is_bf16 else 0,
        f"{arch}.vocab_size": config["vocab_size"],
        f"{arch}.context_length": config["max_position_embeddings"],
        f"{arch}.embedding_length": hidden,
        f"{arch}.block_count": config["num_hidden_layers"],
        f"{arch}.feed_forward_length": config["intermediate_size"],
        f"{arch}.attention.head_count": heads,
        f"{arch}.attention.head_count_kv": config.get("num_key_value_heads") or heads,
        f"{arch}.attention.key_length": width,
        f"{arch}.attention.value_length": width,
        f"{arch}.attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        f"{arch}.rope.dimension_count": width,
        f"{arch}.rope.freq_base": float(rope.get("rope_theta", 10_000.0)),
    }


def tensor_of(name: str, values: NDArray[np.float32], config: Mapping[str, Any]) -> tuple[str, NDArray[np.float32]]:
    """A tensor of transformers under llama.cpp's name, its values as llama.cpp wants them.

    Rotation pairs neighbours in llama.cpp's `llama` and halves of a head in transformers, so rows of queries and keys
    change places there; Gemma's norms are kept less one by transformers and whole by llama.cpp.
    """
    stem, _, side = name.rpartition(".")
    family = str(config["model_type"])
    if stem in _WHOLE:
        renamed = f"{_WHOLE[stem]}.{side}"
    elif (found := _LAYER.match(name)) and found[2] in _NAMES:
        renamed = f"blk.{found[1]}.{_NAMES[found[2]]}.{side}"
    else:
        raise UserError(f"the tensor {name!r} has no place in a GGUF of {family}", hint="export it merged instead")
    if ARCHITECTURES[family] == "llama" and stem.endswith(("q_proj", "k_proj")):
        heads = config["num_attention_heads"]
        count = heads if stem.endswith("q_proj") else config.get("num_key_value_heads") or heads
        values = neighbours_paired(values, count)
    if family == "gemma" and stem.endswith("norm"):
        values = values + np.float32(1)
    return renamed, values


def neighbours_paired(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of each head as (0, half, 1, half + 1, ...)."""
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def tokenizer_facts(
    tokenizer: Mapping[str, Any], config: Mapping[str, Any], *, chat_template: str, ids_only: bool
) -> dict[str, Fact]:
    """A byte-level BPE tokenizer; Refused where llama.cpp would cut text otherwise, unless only ids will be sent."""
    model = tokenizer["model"]
    splitting = splitting_name(tokenizer)
    if model["type"] != "BPE" or model.get("byte_fallback") or (splitting is None and not ids_only):
        raise Refused(
            "llama.cpp cuts text otherwise than this model's tokenizer, so the same text would become other tokens",
            hint="export with --token-ids-only and send token ids that this tokenizer made, or export it merged",
        )
    words, kinds = _vocabulary(tokenizer, config["vocab_size"])
    special = {"bos": config.get("bos_token_id"), "eos": config.get("eos_token_id"),
               "padding": config.get("pad_token_id")}  # fmt: skip
    ids = {f"tokenizer.ggml.{name}_token_id": id_[0] if isinstance(id_, list) else id_ for name, id_ in special.items()
           if id_ is not None}  # fmt: skip
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": splitting or "gpt-2",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]],
        **ids,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": chat_template,
    }


def splitting_name(tokenizer: Mapping[str, Any]) -> str | None:
    """llama.cpp's name for how this tokenizer.json cuts text; None where it has none."""
    if tokenizer.get("normalizer"):
        return None
    found = tokenizer.get("pre_tokenizer") or {}
    steps = found["pretokenizers"] if found.get("type") == "Sequence" else [found]
    marks = {"ByteLevel": "use_regex", "Digits": "individual_digits"}
    told = tuple(
        (step.get("type"), step["pattern"].get("Regex") if step.get("type") == "Split" else
         step.get(marks.get(str(step.get("type")), ""), True))
        for step in steps
    )  # fmt: skip
    starts_with_space = any(step.get("add_prefix_space") for step in steps)
    return None if starts_with_space else SPLITTINGS.get(told)


def _vocabulary(tokenizer: Mapping[str, Any], size: int) -> tuple[Sequence[str], Sequence[int]]:
    """Every id's text and kind; ids that the model has and the tokenizer lacks are marked unused."""
    words = [f"[unused{id_}]" for id_ in range(size)]
    kinds = [_UNUSED] * size
    for word, id_ in tokenizer["model"]["vocab"].items():
        words[id_], kinds[id_] = word, _NORMAL
    for added in tokenizer.get("added_tokens", []):
        words[added["id"]] = added["content"]
        kinds[added["id"]] = _CONTROL if added["special"] else _USER_DEFINED
    return words, kinds
