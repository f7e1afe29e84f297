"""The peers of `train.py`: TRL's trainers and a bare loop, each in a process of its own, on the rows they are given.

They run under the interpreter named by LUTHIER_TRL_PYTHON (default /work/venv-trl/bin/python), an environment with
`pip install trl==1.16.0 datasets==5.2.0` beside the project's own.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from train_setup import LENGTHS_SEED, Marks, Setup, dicts, tokens_of
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

BARE_POOL = 16


class Stopwatch(TrainerCallback):
    """Marks the first step's beginning and the end of the last."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """The first one counts."""
        self.marks.begin()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """The last one counts."""
        self.marks.end()


def loaded(setup: Setup) -> tuple[Any, Any]:
    """The base model in 32 bits and its tokenizer."""
    return AutoModelForCausalLM.from_pretrained(setup.base, dtype=torch.float32), AutoTokenizer.from_pretrained(
        setup.base
    )


def lora(setup: Setup) -> Any:
    """The adapter that every engine trains."""
    from peft import LoraConfig  # noqa: PLC0415

    return LoraConfig(
        r=setup.rank, lora_alpha=2 * setup.rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def common(setup: Setup) -> dict[str, Any]:
    """TRL's settings that are the same for all: one epoch in 32 bits on the CPU, nothing saved or reported."""
    return {
        "output_dir": "/tmp/luthier-trl", "use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no",
        "logging_steps": 1, "per_device_train_batch_size": setup.batch_size, "gradient_accumulation_steps": 1,
        "learning_rate": setup.rate, "lr_scheduler_type": "constant", "num_train_epochs": 1, "seed": 0,
        "disable_tqdm": True, "dataloader_pin_memory": False, "gradient_checkpointing": False,
    }  # fmt: skip


def trl_sft(setup: Setup, marks: Marks, **settings: Any) -> dict[str, Any]:
    """One epoch of TRL's supervised trainer."""
    from datasets import Dataset  # noqa: PLC0415
    from trl import SFTConfig, SFTTrainer  # noqa: PLC0415

    model, tokenizer = loaded(setup)
    rows = [{"prompt": dicts(row.messages[:-1]), "completion": dicts(row.messages[-1:])} for row in setup.rows]
    config = SFTConfig(**(common(setup) | {"max_length": None} | settings))
    trainer = SFTTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
        peft_config=lora(setup), callbacks=[Stopwatch(marks)],
    )  # fmt: skip
    trainer.train()
    return {"tokens": tokens_of(tokenizer, setup.rows), "rows": len(rows)}


def trl_dpo(setup: Setup, marks: Marks, **settings: Any) -> dict[str, Any]:
    """One epoch of TRL's preference trainer; its reference is the model without its adapter."""
    from datasets import Dataset  # noqa: PLC0415
    from trl import DPOConfig, DPOTrainer  # noqa: PLC0415

    model, tokenizer = loaded(setup)
    rows = [
        {"prompt": dicts(row.prompt), "chosen": dicts([row.chosen]), "rejected": dicts([row.rejected])}
        for row in setup.rows
    ]
    config = DPOConfig(**(common(setup) | {"max_length": None, "beta": 0.1} | settings))
    marks.begin()  # references belong to the work, whenever a trainer computes them
    trainer = DPOTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
        peft_config=lora(setup), callbacks=[Stopwatch(marks)],
    )  # fmt: skip
    trainer.train()
    return {"rows": len(rows)}


def trl_gkd(setup: Setup, marks: Marks, **settings: Any) -> dict[str, Any]:
    """One epoch of TRL's distillation on distributions; the teacher is the base model itself."""
    from datasets import Dataset  # noqa: PLC0415
    from trl.experimental.gkd import GKDConfig, GKDTrainer  # noqa: PLC0415

    model, tokenizer = loaded(setup)
    teacher, _ = loaded(setup)
    rows = [{"messages": dicts(row.messages)} for row in setup.rows]
    config = GKDConfig(
        **(
            common(setup)
            | {"max_length": 1024, "max_new_tokens": setup.sampled, "beta": 0.5, "temperature": 1.0}
            | settings
        )
    )
    trainer = GKDTrainer(
        model=model, teacher_model=teacher, args=config, train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer, peft_config=lora(setup), callbacks=[Stopwatch(marks)],
    )  # fmt: skip
    trainer.train()
    return {"tokens": tokens_of(tokenizer, setup.rows), "rows": len(rows)}


def bare_sft(setup: Setup, marks: Marks, *, grouped: bool) -> dict[str, Any]:
    """What anybody would write: PEFT, padded batches with a mask, AdamW; batches are those of Luthier where grouped."""
    from peft import get_peft_model  # noqa: PLC0415

    from luthier.train.backends.encode import encode  # noqa: PLC0415 - the same tokens, hence the same losses
    from luthier.train.batches import epoch_batches  # noqa: PLC0415
    from luthier.train.config import TrainConfig  # noqa: PLC0415

    model, tokenizer = loaded(setup)
    torch.manual_seed(0)
    model = get_peft_model(model, lora(setup))
    texts = encode(tokenizer, setup.rows, TrainConfig())
    lengths = [len(text.tokens) for text in texts]
    order = epoch_batches(lengths, setup.batch_size, seed=LENGTHS_SEED, epoch=0)
    if not grouped:
        draws = torch.randperm(len(texts), generator=torch.Generator().manual_seed(0)).tolist()
        order = [draws[at : at + setup.batch_size] for at in range(0, len(draws), setup.batch_size)]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=setup.rate, weight_decay=0.0, fused=True)
    losses = []
    for batch in order:
        marks.begin()
        longest = max(lengths[at] for at in batch)
        ids, labels = torch.zeros(len(batch), longest, dtype=torch.long), torch.full((len(batch), longest), -100)
        mask = torch.zeros(len(batch), longest, dtype=torch.long)
        for line, at in enumerate(batch):
            tokens = torch.tensor(texts[at].tokens)
            ids[line, : len(tokens)], mask[line, : len(tokens)] = tokens, 1
            labels[line, : len(tokens)] = tokens.masked_fill(~torch.tensor(texts[at].is_target), -100)
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        marks.end()
    return {"tokens": sum(lengths), "rows": len(lengths), "losses": losses}


ENGINES: dict[str, Callable[[Setup, Marks], dict[str, Any]]] = {
    "bare grouped": lambda setup, marks: bare_sft(setup, marks, grouped=True),
    "bare random": lambda setup, marks: bare_sft(setup, marks, grouped=False),
    "trl random": trl_sft,
    "trl grouped": lambda setup, marks: trl_sft(setup, marks, train_sampling_strategy="group_by_length"),
    "trl packing": lambda setup, marks: trl_sft(
        setup, marks, packing=True, max_length=512, per_device_train_batch_size=2
    ),
    "trl dpo": trl_dpo,
    "trl dpo precomputed": lambda setup, marks: trl_dpo(setup, marks, precompute_ref_log_probs=True),
    "trl gkd own samples": lambda setup, marks: trl_gkd(setup, marks, lmbda=1.0),
    "trl gkd given answers": lambda setup, marks: trl_gkd(setup, marks, lmbda=0.0),
}


def run(name: str, setup: Setup) -> dict[str, Any]:
    """What one engine did, with its seconds."""
    started = time.process_time()
    marks = Marks()
    found = ENGINES[name](setup, marks)
    Path("/tmp/luthier-trl").mkdir(exist_ok=True)
    return found | marks.figures() | {"cpu_seconds_to_first_step": round(marks.first_cpu - started, 2)}
