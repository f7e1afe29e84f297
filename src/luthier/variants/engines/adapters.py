"""Several LoRA adapters on one base model, each row of a batch with its own."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file

from luthier.errors import MissingInput, NotFound, Refused
from luthier.variants.engines.folders import UnsafeModel, read_json

WEIGHTS_FILE = "adapter_model.safetensors"
NOTE_FILE = "luthier.json"
"""Optional, beside the tensors: `{"base_weights": SHA-256}` of the base model that was tuned."""


class AdapterMismatch(Refused):
    """An adapter was trained on another base model than the one it was to be put on."""

    code = "adapter_mismatch"


class AdapterRack:
    """The base model with its adapters; a forward pass names the adapter of each row, or None for the base."""

    def __init__(self, model: Any, weights: str) -> None:
        self._model = model
        self._weights = weights
        self._peft: Any = None
        self._inner: dict[str, str] = {}
        self._added = 0
        self._active: str | None = None

    @property
    def names(self) -> list[str]:
        """The adapters loaded, in the order of their names."""
        return sorted(self._inner)

    def version_of(self, name: str | None) -> str | None:
        """What stays the same until another adapter is loaded under `name`; None for the base model."""
        return None if name is None else self._inner[name]

    def add(self, name: str, folder: Path) -> None:
        """Loads the PEFT folder under `name`; the same name replaces, the base weights are never touched."""
        config, tensors = self._read(folder)
        inner = f"adapter{self._added}"
        self._added += 1
        try:
            self._attach(inner, config, tensors)
        except (RuntimeError, ValueError) as fault:
            self._detach(inner)
            raise _mismatch(folder) from fault
        if name in self._inner:
            self.remove(name)
        self._inner[name] = inner

    def remove(self, name: str) -> None:
        """Unloads one adapter; NotFound when there is none of that name."""
        if name not in self._inner:
            raise NotFound(f"no adapter is loaded as {name!r}", hint="list the models that are served")
        self._detach(self._inner.pop(name))

    def forward(self, adapters: Sequence[str | None], **inputs: Any) -> Any:
        """The model's output with each row under its own adapter."""
        if self._peft is None:
            return self._model(**inputs)
        distinct = set(adapters)
        if len(distinct) == 1:
            self._activate(distinct.pop())
            return self._model(**inputs)
        self._activate(next(name for name in adapters if name is not None))
        rows = ["__base__" if name is None else self._inner[name] for name in adapters]
        return self._peft(adapter_names=rows, **inputs)

    def _read(self, folder: Path) -> tuple[LoraConfig, dict[str, Any]]:
        settings = read_json(folder / "adapter_config.json")
        if settings.get("peft_type") != "LORA":
            raise Refused(f"{folder.name!r} is no LoRA adapter", hint="only LoRA adapters can be served side by side")
        if not (folder / WEIGHTS_FILE).is_file():
            if (folder / "adapter_model.bin").exists():
                raise UnsafeModel(f"{folder.name!r} holds pickled weights", hint="save the adapter as safetensors")
            raise MissingInput(f"{str(folder)!r} holds no {WEIGHTS_FILE}", hint="check the adapter's folder")
        check_base(folder, self._weights)
        try:
            return LoraConfig.from_pretrained(str(folder)), load_file(folder / WEIGHTS_FILE)
        except (SafetensorError, TypeError, ValueError) as fault:
            raise MissingInput(f"the adapter in {str(folder)!r} cannot be read", hint="save it again") from fault

    def _attach(self, inner: str, config: LoraConfig, tensors: dict[str, Any]) -> None:
        config.inference_mode = True
        config.base_model_name_or_path = None  # peft warns where it is not this machine's path; NOTE_FILE says more
        with warnings.catch_warnings():  # peft 0.21 asks transformers 5 for a deprecated name
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
            if self._peft is None:
                self._peft = get_peft_model(self._model, config, adapter_name=inner)
            else:
                self._peft.add_adapter(inner, config)
        found: Any = set_peft_model_state_dict(self._peft, tensors, adapter_name=inner)
        absent = [key for key in found.missing_keys if f".{inner}." in key]
        if found.unexpected_keys or absent:
            raise ValueError("the adapter's tensors do not fit this model")
        self._peft.eval()
        self._activate(inner, is_inner=True)

    def _detach(self, inner: str) -> None:
        if self._peft is not None and inner in self._peft.peft_config:
            others = [each for each in self._peft.peft_config if each != inner]
            self._activate(others[0] if others else None, is_inner=True)
            self._peft.delete_adapter(inner)

    def _activate(self, name: str | None, *, is_inner: bool = False) -> None:
        inner = name if is_inner or name is None else self._inner[name]
        if self._peft is None or inner == self._active:
            return
        if inner is None:
            self._peft.base_model.disable_adapter_layers()
        else:
            self._peft.base_model.enable_adapter_layers()
            self._peft.set_adapter(inner, inference_mode=True)
        self._active = inner


def check_base(folder: Path, weights: str) -> None:
    """Nothing where the folder's note names the base with these weights, or there is no note; else AdapterMismatch."""
    if (folder / NOTE_FILE).is_file() and read_json(folder / NOTE_FILE).get("base_weights") != weights:
        raise _mismatch(folder)


def _mismatch(folder: Path) -> AdapterMismatch:
    return AdapterMismatch(
        f"the adapter in {folder.name!r} was trained on another base model", hint="load the base it was trained on"
    )
