"""States a killed run continues from: tensors in safetensors, everything else in JSON."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from luthier.train.backends.tensors import save_tensors
from luthier.train.durable import folder_in_one_move
from luthier.train.position import Position

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class State:
    """A whole run between two steps."""

    position: Position
    adapter: Tensors
    best_adapter: Tensors
    moments: Tensors


def save_state(folder: Path, state: State) -> None:
    """`folder` holds this state and no older one; killed at any moment, it holds one or the other whole."""
    target = folder / f"state-{state.position.step:08d}"
    if target.exists():
        return
    parts = {"adapter": state.adapter, "best": state.best_adapter, "moments": state.moments}
    tensors = {f"{part}:{name}": tensor for part, held in parts.items() for name, tensor in held.items()}
    with folder_in_one_move(target) as partial:
        save_tensors(tensors, partial / "tensors.safetensors")
        (partial / "position.json").write_text(state.position.model_dump_json(), encoding="utf-8")
    for older in _states(folder):
        if older != target:
            _remove(older)


def load_state(folder: Path) -> State | None:
    """The newest state in `folder`, or None where a run starts afresh."""
    found = _states(folder)
    if not found:
        return None
    parts: dict[str, Tensors] = {"adapter": {}, "best": {}, "moments": {}}
    with safe_open(str(found[-1] / "tensors.safetensors"), framework="pt") as file:
        for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
            part, name = key.split(":", 1)
            parts[part][name] = file.get_tensor(key)
    position = Position.model_validate_json((found[-1] / "position.json").read_text(encoding="utf-8"))
    return State(position, parts["adapter"], parts["best"], parts["moments"])


def forget_states(folder: Path) -> None:
    """No state is left in `folder`; a finished run has nothing to resume."""
    for state in _states(folder):
        _remove(state)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def moments_of(optimizer: torch.optim.Optimizer, parameters: dict[str, torch.nn.Parameter]) -> Tensors:
    """The optimizer's memory of every parameter, by `name/moment`; empty before the first step."""
    held = {name: optimizer.state[parameter] for name, parameter in parameters.items() if parameter in optimizer.state}
    return {f"{name}/{moment}": kept for name, state in held.items() for moment, kept in state.items()}


def restore_moments(
    optimizer: torch.optim.Optimizer, parameters: dict[str, torch.nn.Parameter], moments: Tensors
) -> None:
    """The optimizer remembers what `moments_of` gave."""
    for key, kept in moments.items():
        name, moment = key.rsplit("/", 1)
        # as it was: AdamW keeps its step counter where `fused` wants it, beside the parameter or on the CPU
        optimizer.state[parameters[name]][moment] = kept.clone()


def _remove(state: Path) -> None:
    """Gone in one move first, so that a kill while deleting leaves no half state that looks whole."""
    leaving = state.with_name(f".{state.name}.leaving")
    shutil.rmtree(leaving, ignore_errors=True)
    state.rename(leaving)
    shutil.rmtree(leaving)


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*"))
