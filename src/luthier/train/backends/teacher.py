"""A larger local model whose distributions a student learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from luthier.errors import UserError
from luthier.train.backends.attention import attends
from luthier.train.backends.base_model import Machine, load_tokenizer
from luthier.train.backends.encode import Encoded
from luthier.train.backends.fused import fuse
from luthier.train.backends.scoring import hidden_at
from luthier.train.backends.sheets import lay_out
from luthier.train.batches import micro_batches
from luthier.train.types import BaseModel


@dataclass(frozen=True)
class Teacher:
    """A frozen model beside the student."""

    model: Any
    device: torch.device
    micro_batch_tokens: int

    @torch.no_grad()
    def states(self, texts: Sequence[Encoded]) -> list[torch.Tensor]:
        """Its last hidden states before each target, one tensor per text; a vocabulary narrower than its logits."""
        found: dict[int, torch.Tensor] = {}
        for part in micro_batches(range(len(texts)), [len(text.tokens) for text in texts], self.micro_batch_tokens):
            sheet = lay_out([texts[at] for at in part], self.device)
            states = hidden_at(self.model, sheet)[sheet.of_pick]
            sizes = [len(texts[at].targets) for at in part]
            found |= dict(zip(part, (held.clone() for held in torch.split(states, sizes)), strict=True))
        return [found[at] for at in range(len(texts))]

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Its distributions' logits, shape [states, vocabulary]."""
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        logits: torch.Tensor = self.model.get_output_embeddings()(states)
        return logits if cap is None else torch.tanh(logits / cap) * cap


def load_teacher(base: BaseModel, machine: Machine, student_tokenizer: Any, *, micro_batch_tokens: int) -> Teacher:
    """The teacher, frozen; UserError where its tokens are not the student's."""
    if load_tokenizer(base).get_vocab() != student_tokenizer.get_vocab():
        raise UserError(
            f"the teacher {base.id!r} splits text into other tokens than the student",
            hint="choose one of the same family, or set train.distill.learn_from to answers",
        )
    model: Any = AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=machine.compute, use_safetensors=True, local_files_only=True, trust_remote_code=False
    )
    if not attends(model):
        raise UserError(f"the attention of the teacher {base.id!r} cannot be replaced", hint="learn from its answers")
    model.requires_grad_(False).eval().to(machine.device)
    fuse(model)
    return Teacher(model, machine.device, micro_batch_tokens)
