"""Tiny random models of every family that is exported, each with an adapter that changes what it says."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from tests.unit.train.tiny import make_base

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma")


def make_family(family: str, folder: Path, *, tied: bool = False, **changes: object) -> Path:
    """A model folder of that family with the tokenizer of the other tests."""
    made = make_base(folder.with_name(f"{folder.name}-llama"))
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(made.folder / name, folder / name)
    settings = {
        "vocab_size": 400, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256, "tie_word_embeddings": tied,
        "initializer_range": 0.15, "bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **(settings | changes)))
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases start at one and nought: move them
            if parameter.ndim == 1:
                parameter.add_(torch.randn(parameter.shape) * 0.1)
    model.save_pretrained(folder)
    return folder


def make_adapter(base: Path, folder: Path, *, value: float = 0.1, **settings: Any) -> Path:
    """An adapter on every matrix whose second half is not nought."""
    model = AutoModelForCausalLM.from_pretrained(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", **settings)
        adapted = get_peft_model(model, lora)
    torch.manual_seed(4)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape) * value)
    adapted.save_pretrained(folder)
    return folder
