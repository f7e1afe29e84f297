"""Whether vLLM will take an adapter folder at run time, from its files alone."""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from luthier.errors import Faults, MissingInput
from luthier.variants.engines.folders import read_json

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` may be; an adapter's own rank may be anything up to it."""
_TENSOR = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight$")
_HEADER_BYTES_AT_MOST = 100_000_000


def check_layout(folder: Path) -> int:
    """The `--max-lora-rank` under which vLLM takes the adapter; Faults names everything that it would refuse."""
    config = read_json(folder / "adapter_config.json")
    tensors = tensor_shapes(folder / "adapter_model.safetensors")
    rank = config.get("r")
    faults = [*_config_faults(config), *_tensor_faults(tensors, rank)]
    if not isinstance(rank, int) or rank > RANKS[-1]:
        faults.append(f"its rank is {rank}, and vLLM takes at most {RANKS[-1]}")
    if faults or not isinstance(rank, int):
        raise Faults(f"the adapter in {folder.name!r}, as vLLM sees it,", faults, hint="export it merged instead")
    return next(allowed for allowed in RANKS if rank <= allowed)


def serving_notes(name: str, base: str, rank: int) -> str:
    """How the folder is put before vLLM, at its start or while it runs."""
    body = json.dumps({"lora_name": name, "lora_path": f"/adapters/{name}"})
    return f"""# Serving `{name}` with vLLM

At the start:

    vllm serve {base} --enable-lora --max-lora-rank {rank} --lora-modules {name}=/adapters/{name}

Or while it runs, where it was started with `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`:

    curl -X POST http://127.0.0.1:8000/v1/load_lora_adapter -H 'Content-Type: application/json' -d '{body}'

`{base}` must hold the weights that `luthier.json` names by their digest. Ask for the model `{name}`.
"""


def tensor_shapes(file: Path) -> Mapping[str, Sequence[int]]:
    """Name -> shape of every tensor of a safetensors file, from its header."""
    try:
        with file.open("rb") as opened:
            size = struct.unpack("<Q", opened.read(8))[0]
            header = json.loads(opened.read(size)) if size <= _HEADER_BYTES_AT_MOST else None
    except (OSError, struct.error, ValueError) as fault:
        raise MissingInput(f"{file.name!r} is not there or is no safetensors file", hint="export it again") from fault
    if not isinstance(header, dict):
        raise MissingInput(f"{file.name!r} has no safetensors header", hint="export it again")
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


def _config_faults(config: Mapping[str, object]) -> list[str]:
    wanted = {
        "peft_type": ("LORA", "vLLM loads LoRA adapters alone"),
        "bias": ("none", "biases are not loaded"),
        "use_dora": (False, "DoRA is not supported"),
        "modules_to_save": (None, "whole modules are not loaded"),
    }
    faults = [
        f"`{key}` is {config[key]!r}: {why}" for key, (good, why) in wanted.items() if config.get(key, good) != good
    ]
    modules = config.get("target_modules")
    if not isinstance(modules, list) or not modules:
        faults.append("`target_modules` is no list of names")
    return faults


def _tensor_faults(tensors: Mapping[str, Sequence[int]], rank: object) -> list[str]:
    sides: dict[str, dict[str, Sequence[int]]] = {}
    faults = []
    for name, shape in tensors.items():
        found = _TENSOR.match(name)
        if found is None:
            faults.append(f"the tensor {name!r} is neither lora_A nor lora_B")
            continue
        sides.setdefault(found["module"], {})[found["side"]] = shape
    for module, pair in sorted(sides.items()):
        if pair.keys() != {"A", "B"}:
            faults.append(f"{module} has lora_{''.join(pair)} alone")
        elif pair["A"][0] != rank or pair["B"][1] != rank:
            faults.append(f"{module} has rank {pair['A'][0]}, the config says {rank}")
    if not sides:
        faults.append("it holds no lora_A and lora_B")
    return faults
