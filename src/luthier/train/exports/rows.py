"""Training conversations as lines that other trainers read, with the turns to be learned marked."""

import json
from collections.abc import Iterable, Sequence

from luthier.train.config import TrainConfig
from luthier.train.types import Conversation


def training_lines(conversations: Iterable[Conversation], config: TrainConfig) -> Iterable[str]:
    """One JSON object a line, in OpenAI's chat shape; `training` marks what counts for the loss, as it does here."""
    for row in conversations:
        last = len(row.messages) - 1
        learns_all = config.loss_on == "all_assistant_turns"
        turns = [
            {
                "role": message.role,
                "content": message.content,
                "training": message.role == "assistant" and (learns_all or place == last),
            }
            for place, message in enumerate(row.messages)
        ]
        yield json.dumps({"messages": turns}, ensure_ascii=False)


def micro_batch(config: TrainConfig, lengths: Sequence[int]) -> int:
    """Conversations at once: the most that divide the batch and keep to `micro_batch_tokens` at their longest."""
    fitting = max(1, config.micro_batch_tokens // max(lengths))
    return max(size for size in range(1, config.batch_size + 1) if config.batch_size % size == 0 and size <= fitting)
