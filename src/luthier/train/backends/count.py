"""How many tokens a run reads, with the model's own tokenizer and without loading the model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from luthier.errors import UserError
from luthier.train.backends.encode import encode
from luthier.train.config import TrainConfig
from luthier.train.types import Conversation


def token_counts(folder: Path, conversations: Sequence[Conversation], config: TrainConfig) -> list[int]:
    """Tokens of each conversation as training reads it, none left out for its length."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise UserError("the model's tokenizer has no chat template", hint="plan with --tokens and --longest")
    return [len(row.tokens) for row in encode(tokenizer, conversations, config)]
