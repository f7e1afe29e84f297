"""An adapter worked into its base model's weights, held against the two of them apart."""

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from luthier.errors import EngineFault
from luthier.train.durable import folder_in_one_move
from luthier.variants.engines.folders import check_model_folder

TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "tokenizer.model",
    "generation_config.json", "vocab.json", "merges.txt", "added_tokens.json",
)  # fmt: skip
PROBES = (2, 32)
LOGITS_AGREE_WITHIN = 1e-4
"""Of the largest logit. Summing in another order costs 1.5e-5 in float on a tuned model of five layers; a wrong scale
or a missing layer costs more than 1e-2."""


@dataclass(frozen=True)
class Merged:
    """The base model with the adapter in its weights, in float, and how far its logits are from those of the two."""

    model: Any
    difference: float


def merge(base: Path, adapter: Path) -> Merged:
    """The merged model; EngineFault where its logits are not those of the adapter on its base."""
    check_model_folder(base)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # standard error is for what a person must know
    with warnings.catch_warnings(), torch.random.fork_rng():
        # peft 0.21 asks transformers 5.23 for a property under its old name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        model: Any = AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
        apart: Any = PeftModel.from_pretrained(model, str(adapter))
        wanted = _probe(apart, model.config.vocab_size)
        merged = apart.merge_and_unload()
    found = _probe(merged, model.config.vocab_size)
    difference = ((found - wanted).abs().max() / wanted.abs().max()).item()
    if not difference <= LOGITS_AGREE_WITHIN:
        raise EngineFault(
            f"the merged model's logits differ from the adapter's on its base by {difference:.1e}",
            hint="export the adapter as it is (`--format peft`)",
        )
    return Merged(merged, difference)


def whole(folder: Path) -> Merged:
    """A model of which every weight was trained: there is nothing to merge."""
    check_model_folder(folder)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # as above
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True, trust_remote_code=False
    )
    return Merged(model, 0.0)


def write_merged(merged: Merged, base: Path, target: Path, card: Callable[[], str], *, precision: str) -> None:
    """`target` is a model folder as transformers writes it, with the base's tokenizer and a card."""
    model = merged.model.to(torch.bfloat16) if precision == "bf16" else merged.model
    with folder_in_one_move(target) as partial:
        model.save_pretrained(partial)
        for name in TOKENIZER_FILES:
            if (base / name).is_file():
                shutil.copyfile(base / name, partial / name)
        (partial / "README.md").write_text(card(), encoding="utf-8")


def _probe(model: Any, vocabulary: int) -> torch.Tensor:
    """Logits of a few random rows, the same ones every time."""
    draws = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, vocabulary, PROBES, generator=draws)
    model.eval()
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=tokens, use_cache=False).logits
    return logits
