"""Where a run computes, and what must not change while it does; nothing here runs anybody's code."""

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoTokenizer

from luthier.errors import UserError
from luthier.train.backends.tensors import share_of
from luthier.train.config import TrainConfig
from luthier.train.types import BaseModel
from luthier.variants.engines.folders import check_model_folder


@dataclass(frozen=True)
class Machine:
    """Where a run computes and in which precision, with the reasons."""

    device: torch.device
    compute: torch.dtype
    reasons: dict[str, str]


def choose_machine(config: TrainConfig) -> Machine:
    """The device and precision asked for, or the best this machine has."""
    has_cuda = torch.cuda.is_available()
    if config.device == "cuda" and not has_cuda:
        raise UserError("no CUDA device is visible to torch", hint="set train.device to auto or cpu")
    device = config.device if config.device != "auto" else ("cuda" if has_cuda else "cpu")
    why_device = "as configured" if config.device != "auto" else "the only one" if not has_cuda else "it is there"
    precision, why = _precision(config, device)
    compute = torch.bfloat16 if precision == "bf16" else torch.float32
    return Machine(torch.device(device), compute, {"device": f"{device}: {why_device}", "precision": why})


def _precision(config: TrainConfig, device: str) -> tuple[str, str]:
    if config.precision != "auto":
        return config.precision, f"{config.precision}: as configured"
    if device == "cuda" and torch.cuda.is_bf16_supported():
        return "bf16", "bf16: this accelerator computes in it"
    if device == "cuda":
        return "fp32", "fp32: this accelerator has no bf16"
    return "fp32", "fp32: without bf16 matrix units a CPU takes twice as long in bf16"


def load_tokenizer(base: BaseModel) -> Any:
    """The base model's tokenizer, which must carry a chat template."""
    check_model_folder(base.folder)
    tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise UserError(f"the tokenizer of {base.id!r} has no chat template", hint="choose an instruction-tuned model")
    return tokenizer


def frozen_digest(model: Any) -> str:
    """SHA-256 over every frozen parameter in this process's memory, or its share of it."""
    hasher = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            hasher.update(name.encode())
            hasher.update(share_of(parameter.detach()).cpu().contiguous().view(torch.uint8).numpy().data)
    return hasher.hexdigest()
