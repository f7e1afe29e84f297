"""The shapes that `train.py` is measured on: random weights, full sequences, nothing read from a disk or a network."""

from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Work:
    """One size of the comparison."""

    hidden: int
    layers: int
    heads: int
    key_heads: int
    inner: int
    vocabulary: int
    length: int
    batch: int
    at_once: int
    """Sequences in memory at a time."""
    steps: int
    device: str

    @property
    def flop_per_token(self) -> float:
        """Forward and backward through frozen weights; a causal token looks back half a sequence on average."""
        head = self.hidden // self.heads
        attention = self.hidden * (self.hidden + self.key_heads * head) * 2
        linear = self.layers * (attention + 3 * self.hidden * self.inner) + self.hidden * self.vocabulary
        scores = self.layers * 2 * self.hidden * self.length / 2
        return 4.0 * linear + 6.0 * scores  # scores have no frozen side: one pass forward, two back


FULL = Work(4096, 32, 32, 8, 14336, 128_256, 4096, 32, 1, 3, "cuda")
SMOKE = Work(64, 2, 4, 2, 128, 512, 48, 4, 2, 2, "cpu")


def model_of(work: Work) -> Any:
    """The shape with random weights, made on the device: nothing is read from a disk or a network."""
    config = LlamaConfig(
        vocab_size=work.vocabulary, hidden_size=work.hidden, num_hidden_layers=work.layers,
        num_attention_heads=work.heads, num_key_value_heads=work.key_heads, intermediate_size=work.inner,
        max_position_embeddings=work.length, rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
    )  # fmt: skip
    torch.manual_seed(0)
    dtype = torch.bfloat16 if work.device == "cuda" else torch.float32
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(work.device):
            return LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)


def wrapped(work: Work) -> Any:
    """The shape under a fresh adapter."""
    model = model_of(work)
    torch.manual_seed(0)
    return get_peft_model(model, lora())


def lora() -> Any:
    """The adapter that every engine trains."""
    return LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def rows_of(work: Work) -> list[list[int]]:
    """One batch of full sequences; every step sees it, so that engines can be compared by their losses."""
    draws = Random(0)
    return [[draws.randrange(3, work.vocabulary) for _ in range(work.length)] for _ in range(work.batch)]


def tokenizer_of(work: Work) -> Any:
    """TRL asks for one and these rows need none: numbers as words."""
    words = {str(at): at for at in range(min(work.vocabulary, 1024))}
    inner = Tokenizer(models.WordLevel(words, unk_token="0"))
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="0", eos_token="1")
