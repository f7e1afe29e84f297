"""A project's settings as axolotl and LLaMA-Factory spell them.

What they cannot say is told by `untold`, never dropped in silence.
"""

import math
from collections.abc import Mapping, Sequence

from luthier.errors import Refused
from luthier.train.config import TrainConfig

TRAIN_FILE, VALIDATION_FILE = "train.jsonl", "validation.jsonl"
TEMPLATES = {
    "<|start_header_id|>": "llama3",
    "<start_of_turn>": "gemma",
    "[INST]": "mistral",
    "<|im_start|>": "chatml",
}
"""A mark in the model's own chat template -> the name that LLaMA-Factory knows it by."""

Settings = Mapping[str, object]


def axolotl_settings(config: TrainConfig, *, base: str, rows: int, longest: int, micro_batch: int) -> Settings:
    """What `axolotl train` reads; each row's own `training` marks decide which turns are learned."""
    spelling = {
        "type": "chat_template",
        "chat_template": "tokenizer_default",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "message_field_training": "training",
        "roles_to_train": [],
        "train_on_eos": "turn",
    }
    return {
        "base_model": base,
        **_axolotl_adapter(config),
        "datasets": [{"path": TRAIN_FILE, "ds_type": "json", **spelling}],
        "test_datasets": [{"path": VALIDATION_FILE, "ds_type": "json", "split": "train", **spelling}],
        "sequence_len": longest,
        "sample_packing": False,
        "pad_to_sequence_len": False,
        "group_by_length": True,
        "micro_batch_size": micro_batch,
        "gradient_accumulation_steps": config.batch_size // micro_batch,
        "num_epochs": config.epochs,
        "optimizer": "muon" if config.optimizer == "muon" else "adamw_torch_fused",
        "learning_rate": config.learning_rate,
        "lr_scheduler": _scheduler(config),
        "warmup_steps": warmup_steps(config, rows),
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_gradient_norm,
        "evals_per_epoch": evaluations_per_epoch(config),
        "saves_per_epoch": evaluations_per_epoch(config),
        **({"early_stopping_patience": config.early_stopping.patience, "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss", "greater_is_better": False} if config.early_stopping else {}),
        "bf16": False if config.precision == "fp32" else "auto",
        "seed": config.seed,
        "output_dir": "./out",
    }  # fmt: skip


def llamafactory_settings(
    config: TrainConfig, *, base: str, template: str, rows: int, longest: int, micro_batch: int
) -> Settings:
    """What `llamafactory-cli train` reads, beside the `dataset_info.json` of `dataset_info`."""
    share = 1 / evaluations_per_epoch(config) / config.epochs  # below 1, steps are a share of the whole run
    stops = config.early_stopping
    return {
        "model_name_or_path": base,
        "stage": "sft",
        "do_train": True,
        **_llamafactory_adapter(config),
        "dataset_dir": ".",
        "dataset": "train",
        "eval_dataset": "validation",
        "template": llamafactory_template(template),
        "cutoff_len": longest,
        "mask_history": config.loss_on == "final_turn",
        "packing": False,
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": config.batch_size // micro_batch,
        "num_train_epochs": float(config.epochs),
        "optim": "adamw_torch_fused",
        **({"use_muon": True} if config.optimizer == "muon" else {}),
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": _scheduler(config),
        "warmup_steps": warmup_steps(config, rows),
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_gradient_norm,
        "eval_strategy": "steps",
        "eval_steps": share,
        "save_strategy": "steps",
        "save_steps": share,
        **({"early_stopping_steps": stops.patience, "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss", "greater_is_better": False} if stops else {}),
        "bf16": config.precision != "fp32",
        "seed": config.seed,
        "output_dir": "out",
    }  # fmt: skip


def dataset_info() -> Settings:
    """The file in which LLaMA-Factory looks up what its data sets are called and how their rows are spelt."""
    tags = {
        "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
        "system_tag": "system",
    }  # fmt: skip
    entry = {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}
    return {
        "train": {"file_name": TRAIN_FILE, **entry},
        "validation": {"file_name": VALIDATION_FILE, **entry},
    }


def llamafactory_template(chat_template: str) -> str:
    """The name LLaMA-Factory has for a model's chat template; Refused where it has none."""
    for mark, name in TEMPLATES.items():
        if mark in chat_template:
            return name
    raise Refused(
        "LLaMA-Factory has no name for this model's chat template",
        hint="export for axolotl, which reads the model's own, or register the template there",
    )


def untold(config: TrainConfig) -> Sequence[str]:
    """Settings of this run that the other trainers cannot be told."""
    said = ["batches hold conversations here and padded rows there, so the order of the rows differs"]
    if config.time_limit_seconds is not None:
        said.append("train.time_limit_seconds has no counterpart")
    if config.early_stopping and config.early_stopping.min_delta:
        said.append("train.early_stopping.min_delta has no counterpart")
    return said


def evaluations_per_epoch(config: TrainConfig) -> int:
    """Whole evaluations in one epoch, at least one."""
    return max(1, math.floor(1 / config.evaluate_every_epochs))


def warmup_steps(config: TrainConfig, rows: int) -> int:
    """The warm-up of a run on so many rows; in steps, since transformers 5 has no share of them any more."""
    return round(config.warmup_share * config.epochs * math.ceil(rows / config.batch_size))


def _axolotl_adapter(config: TrainConfig) -> Settings:
    adapter = config.adapter.model_dump()
    if adapter["kind"] == "none":
        return {}
    is_all = adapter["layers"] == "all-linear"
    return {
        "adapter": "qlora" if adapter["kind"] == "qlora" else "lora",
        "load_in_4bit": adapter["kind"] == "qlora",
        "lora_r": adapter["rank"],
        "lora_alpha": adapter["alpha"],
        "lora_dropout": adapter["dropout"],
        **({"lora_target_linear": True} if is_all else {"lora_target_modules": list(adapter["layers"])}),
        **({"peft_use_dora": True} if adapter["kind"] == "dora" else {}),
        **({"peft_use_rslora": True} if adapter.get("use_rslora") else {}),
    }


def _llamafactory_adapter(config: TrainConfig) -> Settings:
    adapter = config.adapter.model_dump()
    if adapter["kind"] == "none":
        return {"finetuning_type": "full"}
    # the method is left to its default, bitsandbytes, whose name changed between versions
    packed = {"quantization_bit": 4, "quantization_type": "nf4", "double_quantization": True}
    return {
        "finetuning_type": "lora",
        "lora_rank": adapter["rank"],
        "lora_alpha": adapter["alpha"],
        "lora_dropout": adapter["dropout"],
        "lora_target": "all" if adapter["layers"] == "all-linear" else ",".join(adapter["layers"]),
        **(packed if adapter["kind"] == "qlora" else {}),
        **({"use_dora": True} if adapter["kind"] == "dora" else {}),
        **({"use_rslora": True} if adapter.get("use_rslora") else {}),
    }


def _scheduler(config: TrainConfig) -> str:
    return "constant_with_warmup" if config.scheduler == "constant" and config.warmup_share else config.scheduler
