"""A merged model as one GGUF file."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from luthier.errors import StorageFault
from luthier.train.backends.merge import Merged
from luthier.train.exports.gguf import Tensor, write_gguf
from luthier.train.exports.llamacpp import architecture_facts, tensor_of, tokenizer_facts
from luthier.variants.engines.folders import read_json


def write_merged_gguf(merged: Merged, base: Path, target: Path, *, name: str, precision: str, ids_only: bool) -> None:
    """`target` is a whole GGUF file or not there; norms and biases stay in float, as llama.cpp wants them."""
    config: dict[str, Any] = merged.model.config.to_dict()
    is_bf16 = precision == "bf16"
    facts = architecture_facts(config, name=name, is_bf16=is_bf16)
    tokenizer: dict[str, Any] = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))
    template = chat_template_of(base)
    facts |= tokenizer_facts(tokenizer, config, chat_template=template, ids_only=ids_only)
    tensors = [_tensor(key, value, config, is_bf16=is_bf16) for key, value in _weights(merged.model).items()]
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            write_gguf(file, facts, tensors)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    except OSError as fault:
        partial.unlink(missing_ok=True)
        raise StorageFault(f"{target.name!r} could not be written: {fault}", hint="free space there") from fault


def chat_template_of(base: Path) -> str:
    """The chat template that lies beside a model's tokenizer, or an empty text."""
    file = base / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    return str(read_json(base / "tokenizer_config.json").get("chat_template") or "")


def _weights(model: Any) -> dict[str, torch.Tensor]:
    """Every weight once: a tied output matrix is the embedding's."""
    held = dict(model.state_dict())
    if model.config.tie_word_embeddings:
        held.pop("lm_head.weight", None)
    return held


def _tensor(name: str, value: torch.Tensor, config: dict[str, Any], *, is_bf16: bool) -> Tensor:
    renamed, values = tensor_of(name, value.detach().to(torch.float32).cpu().numpy(), config)
    if is_bf16 and values.ndim > 1:
        rounded = torch.from_numpy(np.ascontiguousarray(values)).to(torch.bfloat16)
        return Tensor(renamed, rounded.view(torch.uint16).numpy())
    return Tensor(renamed, values)
