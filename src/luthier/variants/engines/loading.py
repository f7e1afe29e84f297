"""A model and its tokenizer from a folder, without running anything that lies in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from luthier.errors import UserError
from luthier.variants.engines.folders import check_model_folder, weights_digest

_SERVED_LAYERS = frozenset({"full_attention", "sliding_attention"})


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode, with what the decode loop must know of it."""

    model: Any
    tokenizer: Any
    weights: str
    context_tokens: int
    end_tokens: frozenset[int]
    layers: int
    device: torch.device


def load_model(folder: Path, *, threads: int | None = None) -> LoadedModel:
    """The model in `folder`, float32 on a CPU and in its own precision on a GPU; safetensors only.

    Raises:
        UnsafeModel: Opening it would mean running code from the folder.
        UserError: Its layers keep another state than keys and values.

    """
    check_model_folder(folder)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # progress is told by the voice of whoever called
    if threads is not None:
        torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, use_safetensors=True, trust_remote_code=False, local_files_only=True,
        dtype="auto" if device.type == "cuda" else torch.float32,
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    model = model.to(device).eval().requires_grad_(requires_grad=False)
    text_config = model.config.get_text_config()
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        weights=weights_digest(folder),
        context_tokens=_context_tokens(folder, text_config),
        end_tokens=_end_tokens(model, tokenizer),
        layers=text_config.num_hidden_layers,
        device=device,
    )


def _context_tokens(folder: Path, config: Any) -> int:
    """Positions the model may use; within one sliding window, sliding and full attention are the same."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if unserved := sorted(kinds - _SERVED_LAYERS):
        raise UserError(
            f"{folder.name!r} has layers of kind {unserved[0]!r}, which this engine does not serve",
            hint="serve it with vLLM and use engine `openai`",
        )
    window = getattr(config, "sliding_window", None)
    slides = "sliding_attention" in kinds or getattr(config, "layer_types", None) is None
    context = int(config.max_position_embeddings)
    return min(context, int(window)) if window and slides else context


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    named = model.generation_config.eos_token_id
    ids = set(named if isinstance(named, list) else [named]) | {tokenizer.eos_token_id}
    vocabulary = tokenizer.get_vocab()
    ids |= {vocabulary.get("<|im_end|>"), vocabulary.get("<|eot_id|>")}
    return frozenset(each for each in ids if each is not None)
