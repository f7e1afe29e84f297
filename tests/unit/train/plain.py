"""The adapter as anybody would use it: plain transformers and peft, one row at a time, nothing of ours but the rows."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from luthier.train.types import Conversation

Plain = tuple[Any, Any]


def load(base: Path, adapter: Path | None) -> Plain:
    model = AutoModelForCausalLM.from_pretrained(base)
    if adapter is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model = PeftModel.from_pretrained(model, adapter)
    return model.eval(), AutoTokenizer.from_pretrained(base)


def losses(plain: Plain, rows: Sequence[Conversation]) -> list[float]:
    """Mean nats per target token of each row, by transformers' own labels and loss."""
    return [float(_loss(plain, row)[0]) for row in rows]


def sums(plain: Plain, rows: Sequence[Conversation]) -> list[float]:
    """Log-probability of each row's answer."""
    return [-float(loss) * count for loss, count in (_loss(plain, row) for row in rows)]


def set_loss(plain: Plain, rows: Sequence[Conversation]) -> float:
    """Mean nats per target token of the whole set."""
    found = [_loss(plain, row) for row in rows]
    return sum(float(loss) * count for loss, count in found) / sum(count for _, count in found)


@torch.inference_mode()
def _loss(plain: Plain, row: Conversation) -> tuple[torch.Tensor, int]:
    model, tokenizer = plain
    found = tokenizer.apply_chat_template(
        _turns(row), return_dict=True, return_tensors="pt", return_assistant_tokens_mask=True
    )
    mask = torch.as_tensor(found["assistant_masks"]).bool()
    labels = found["input_ids"].masked_fill(~mask, -100)
    return model(input_ids=found["input_ids"], labels=labels).loss, int(mask.sum())


@torch.inference_mode()
def greedy_tokens(plain: Plain, row: Conversation, most: int = 8) -> list[int]:
    model, tokenizer = plain
    asked = tokenizer.apply_chat_template(
        _turns(row)[:-1], add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    written = model.generate(**asked, max_new_tokens=most, do_sample=False)
    return list(map(int, written[0, asked["input_ids"].shape[1] :]))


def greedy(plain: Plain, row: Conversation, most: int = 8) -> str:
    return str(plain[1].decode(greedy_tokens(plain, row, most), skip_special_tokens=True))


def _turns(row: Conversation) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in row.messages]
