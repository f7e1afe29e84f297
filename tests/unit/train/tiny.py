"""A tiny random Llama with its own tokenizer, and a small task whose answer stands in the question."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from luthier.domain.examples import Message
from luthier.domain.runs import CurvePoint
from luthier.train.types import BaseModel, Conversation, Judged, PreferencePair
from luthier.variants.engines.folders import weights_digest

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ message['content'] }}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TOOLS = {"call": "phone", "invoice": "billing", "meet": "calendar", "offer": "quotes", "ship": "logistics"}
FILLERS = (
    "please",
    "today",
    "for them",
    "again",
    "we",
    "soon",
    "the client",
    "now",
    "at noon",
    "maybe",
    "thanks",
    "ok",
)


FAMILIES: dict[str, tuple[type[PretrainedConfig], dict[str, object]]] = {
    "llama": (LlamaConfig, {}),
    "qwen2": (Qwen2Config, {}),
    "qwen3": (Qwen3Config, {"head_dim": 16}),
    "mistral": (MistralConfig, {"sliding_window": 24}),
    "gemma2": (Gemma2Config, {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 24}),
    "gemma3": (Gemma3TextConfig, {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 24}),
}


def make_base(
    folder: Path, *, template: str = TEMPLATE, tied: bool = True, family: str = "llama", seed: int = 0, width: int = 64
) -> BaseModel:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join((*TOOLS, *TOOLS.values(), *FILLERS, "system user assistant"))] * 4, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "model_max_length": 256, "chat_template": template, "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(seed)
    config, settings_of_family = FAMILIES[family]
    shape = config(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=width, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=2 * width, max_position_embeddings=256, tie_word_embeddings=tied,
        bos_token_id=None, eos_token_id=2, pad_token_id=0, initializer_range=0.15, **settings_of_family,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(shape).save_pretrained(folder)
    return BaseModel(folder=folder, weights=weights_digest(folder), id="tiny")


def conversation(id_: str, asked: str, answer: str, *, before: Sequence[Message] = ()) -> Conversation:
    turns = (*before, Message(role="user", content=asked), Message(role="assistant", content=answer))
    return Conversation(id=id_, messages=turns)


def task(count: int, *, seed: int, shuffled: bool = False) -> list[Conversation]:
    """Utterances with one key word among filler words; the answer names the tool of the key word."""
    draws = random.Random(seed)
    keys = [draws.choice(list(TOOLS)) for _ in range(count)]
    answers = [TOOLS[key] for key in keys]
    if shuffled:
        answers = [draws.choice(list(TOOLS.values())) for _ in answers]
    rows = []
    for at, (key, answer) in enumerate(zip(keys, answers, strict=True)):
        words = draws.sample(FILLERS, draws.randint(2, 6))
        words.insert(draws.randint(0, len(words)), key)
        rows.append(conversation(f"{seed}:{at}", " ".join(words), answer))
    return rows


def pairs(count: int, *, seed: int, swapped: bool = False) -> list[PreferencePair]:
    """The task with the right tool preferred to another one, or the other way round."""
    draws = random.Random(seed)
    rows = []
    for row in task(count, seed=seed):
        right = row.messages[-1]
        wrong = Message(
            role="assistant", content=draws.choice([tool for tool in TOOLS.values() if tool != right.content])
        )
        chosen, rejected = (wrong, right) if swapped else (right, wrong)
        rows.append(PreferencePair(id=row.id, prompt=row.messages[:-1], chosen=chosen, rejected=rejected))
    return rows


def judgements(count: int, *, seed: int) -> list[Judged]:
    """The task's pairs, one answer of each with its judgement."""
    return [
        Judged(id=pair.id, prompt=pair.prompt, answer=(pair.rejected, pair.chosen)[at % 2], is_good=at % 2 == 1)
        for at, pair in enumerate(pairs(count, seed=seed))
    ]


@dataclass
class FakePorts:
    """A clock that ticks once per reading, and a list of the points it was told of."""

    checkpoints: Path | None = None
    tick_seconds: float = 0.01
    points: list[CurvePoint] = field(default_factory=list)
    done: list[tuple[int, int]] = field(default_factory=list)
    on_progress: Callable[[CurvePoint], None] = lambda _point: None
    now: float = 0.0
    stops_after: int | None = None
    asked: int = 0

    def stop_requested(self) -> bool:
        self.asked += 1
        return self.asked == self.stops_after

    def monotonic_seconds(self) -> float:
        self.now += self.tick_seconds
        return self.now

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        self.points.append(point)
        self.done.append((done, of))
        self.on_progress(point)
