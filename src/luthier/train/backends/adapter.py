"""Adapter folders as PEFT reads them: the same bytes for the same adapter, no path of this machine in them."""

import json
from pathlib import Path
from typing import Any

from peft import get_peft_model_state_dict

from luthier.train.backends.tensors import save_tensors
from luthier.train.durable import folder_in_one_move
from luthier.train.types import BaseModel


def write_adapter(model: Any, target: Path, base: BaseModel) -> None:
    """`target` is a PEFT adapter folder of the model's present adapter, whole or not there.

    Beside PEFT's own files, `luthier.json` pins the base weights, so that no engine puts it on another model.
    """
    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    with folder_in_one_move(target) as partial:
        save_tensors(tensors, partial / "adapter_model.safetensors")
        (partial / "adapter_config.json").write_text(_config_json(model, base.id), encoding="utf-8")
        write_note(partial, base)


def write_note(folder: Path, base: BaseModel) -> None:
    """The folder says which base was tuned, so that no engine takes it for another model's."""
    (folder / "luthier.json").write_text(json.dumps({"base_weights": base.weights}) + "\n", encoding="utf-8")


def _config_json(model: Any, base_id: str) -> str:
    settings = model.peft_config["default"].to_dict()
    settings |= {"base_model_name_or_path": base_id, "inference_mode": True}
    return json.dumps(settings, indent=2, sort_keys=True, default=_jsonable) + "\n"


def _jsonable(value: object) -> object:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
