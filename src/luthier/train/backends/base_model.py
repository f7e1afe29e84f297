"""The frozen base model with a fresh adapter on it, loaded without running anybody's code."""

import hashlib
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig as PeftLora
from peft import get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from luthier.errors import UserError
from luthier.train.config import LoraConfig, TrainConfig
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


def load_with_adapter(base: BaseModel, adapter: LoraConfig, machine: Machine, *, seed: int) -> Any:
    """The base model, frozen, under a new adapter that changes nothing yet and whose start is drawn from the seed."""
    check_model_folder(base.folder)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # progress is told through the ports
    model = AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=machine.compute, use_safetensors=True, local_files_only=True, trust_remote_code=False
    )
    torch.manual_seed(seed)
    layers = adapter.layers if isinstance(adapter.layers, str) else list(adapter.layers)
    lora = PeftLora(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=layers,
        task_type="CAUSAL_LM",
    )
    _check_layers(model, adapter)
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a property under its old name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        return get_peft_model(model, lora, autocast_adapter_dtype=True).to(machine.device)


def trainable(model: Any) -> dict[str, torch.nn.Parameter]:
    """The adapter's parameters by name, in the model's order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def frozen_digest(model: Any) -> str:
    """SHA-256 over every frozen parameter in memory."""
    hasher = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            hasher.update(name.encode())
            hasher.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return hasher.hexdigest()


def _check_layers(model: Any, adapter: LoraConfig) -> None:
    if isinstance(adapter.layers, str):
        return
    linear = {name.rsplit(".", 1)[-1] for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)}
    unknown = sorted(set(adapter.layers) - linear)
    if unknown:
        raise UserError(f"the base model has no linear layers named {unknown}", hint=f"choose from {sorted(linear)}")
