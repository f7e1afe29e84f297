"""Tensors to a file, with a full disk told as the disk's fault."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file


def save_tensors(tensors: Mapping[str, torch.Tensor], file: Path) -> None:
    """`file` holds the tensors as safetensors; OSError where it cannot be written."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    try:
        save_file(held, str(file), metadata={"format": "pt"})
    except SafetensorError as fault:
        raise OSError(str(fault)) from fault


def share_of(parameter: torch.Tensor) -> torch.Tensor:
    """What this process holds of a parameter: all of it, where it is not in shares."""
    return parameter.to_local() if hasattr(parameter, "to_local") else parameter
