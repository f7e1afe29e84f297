"""The kinds of adapter: what is loaded, what trains, and how it is written."""

import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig as PeftLora
from peft import get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from transformers.utils.logging import disable_progress_bar

from luthier.errors import UserError
from luthier.train.backends.adapter import write_adapter, write_note
from luthier.train.backends.base_model import Machine
from luthier.train.backends.tensors import save_tensors
from luthier.train.config import LoraConfig
from luthier.train.durable import folder_in_one_move
from luthier.train.types import BaseModel
from luthier.variants.engines.folders import check_model_folder

COPIED = ("*.json", "*.jinja", "*.model", "*.txt")


def prepare_model(
    base: BaseModel, adapter: LoraConfig, machine: Machine, *, seed: int, is_sharded: bool = False
) -> Any:
    """The base model ready to train: frozen under a new adapter that changes nothing yet, or whole.

    The adapter's start is drawn from the seed. What will lie in shares stays on the CPU until it is cut.
    """
    check_model_folder(base.folder)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # progress is told through the ports
    # weights that train are kept in 32 bits: steps of a small rate are lost in 16
    dtype = torch.float32 if adapter.kind == "none" else machine.compute
    model: Any = AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False,
        **_quantized(adapter, machine),
    )  # fmt: skip
    _keep_packing(model)
    torch.manual_seed(seed)
    if adapter.kind == "none":
        return model.to(machine.device)
    _check_layers(model, adapter)
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a property under its old name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        wrapped = get_peft_model(model, _settings(adapter), autocast_adapter_dtype=True)
    return wrapped if adapter.kind == "qlora" or is_sharded else wrapped.to(machine.device)


def trainable(model: Any) -> dict[str, torch.nn.Parameter]:
    """The parameters that train by name, in the model's order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def write_trained(model: Any, target: Path, base: BaseModel) -> None:
    """`target` is the adapter's PEFT folder, or a model folder where every weight trained; whole or not there."""
    if hasattr(model, "peft_config"):
        write_adapter(model, target, base)
        return
    state = model.state_dict()
    tied = {name for name in getattr(model, "all_tied_weights_keys", None) or {} if name in state}
    with folder_in_one_move(target) as partial:
        for pattern in COPIED:
            for file in base.folder.glob(pattern):
                if not file.name.endswith(".index.json"):
                    shutil.copyfile(file, partial / file.name)
        save_tensors({name: held for name, held in state.items() if name not in tied}, partial / "model.safetensors")
        write_note(partial, base)


def parameter_counts(model: Any) -> tuple[int, int]:
    """Parameters that train and all of them; one kept in 4 bits is one parameter."""
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(_count(p) for p in parameters)


def _count(parameter: torch.nn.Parameter) -> int:
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else int(state.shape.numel())


def _quantized(adapter: LoraConfig, machine: Machine) -> dict[str, Any]:
    if adapter.kind != "qlora":
        return {}
    if find_spec("bitsandbytes") is None:
        raise UserError("`adapter.kind: qlora` needs bitsandbytes", hint="pip install 'luthier[qlora]', or choose lora")
    settings = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=machine.compute,
    )  # fmt: skip
    return {"quantization_config": settings, "device_map": {"": machine.device}}


def _keep_packing(model: Any) -> None:
    """Layers in 4 bits stay packed as they are trained.

    On a CPU with AVX512-BF16 bitsandbytes 0.50 packs them anew at the first evaluation, and from then on training goes
    through a product that has no gradient: torch warns of it, and the layers below learn nothing.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _settings(adapter: LoraConfig) -> PeftLora:
    return PeftLora(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        use_rslora=adapter.use_rslora,
        use_dora=adapter.kind == "dora",
        target_modules=adapter.layers if isinstance(adapter.layers, str) else list(adapter.layers),
        task_type="CAUSAL_LM",
    )


def _check_layers(model: Any, adapter: LoraConfig) -> None:
    if isinstance(adapter.layers, str):
        return
    linear = {name.rsplit(".", 1)[-1] for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)}
    unknown = sorted(set(adapter.layers) - linear)
    if unknown:
        raise UserError(f"the base model has no linear layers named {unknown}", hint=f"choose from {sorted(linear)}")
