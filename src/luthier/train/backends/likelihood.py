"""How likely a trained model finds answers: base and adapter loaded as they lie in their folders."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftModel

from luthier.train.backends.attention import attends
from luthier.train.backends.base_model import choose_machine, load_tokenizer
from luthier.train.backends.encode import encode_all
from luthier.train.backends.fused import fuse
from luthier.train.backends.scoring import score
from luthier.train.batches import micro_batches
from luthier.train.config import TrainConfig
from luthier.train.types import BaseModel, Conversation
from luthier.variants.engines.loading import load_model


def log_likelihoods(
    config: TrainConfig, base: BaseModel, adapter: Path | None, rows: Sequence[Conversation]
) -> list[float]:
    """Log-probability of each row's answer after its question, in order; without an adapter, of the base model."""
    machine = choose_machine(config)
    with torch.random.fork_rng(), warnings.catch_warnings(), torch.inference_mode():
        # peft 0.21 asks transformers 5.23 for a property under its old name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        loaded = load_model(base.folder)
        model = loaded.model if adapter is None else PeftModel.from_pretrained(loaded.model, str(adapter))
        model = model.to(machine.device).eval()
        reads_sheets = attends(model)
        fuse(model)
        asked = config.model_copy(update={"too_long": "refuse", "loss_on": "final_turn"})
        texts = encode_all(
            load_tokenizer(base), rows, asked, context_tokens=loaded.context_tokens, name="canary"
        ).rows  # fmt: skip
        found = [0.0] * len(texts)
        for part in micro_batches(range(len(texts)), [len(text.tokens) for text in texts], config.micro_batch_tokens):
            scored = score(model, [texts[at] for at in part], machine, reads_sheets=reads_sheets)
            for at, value in zip(part, scored.sums.tolist(), strict=True):
                found[at] = float(value)
    return found
