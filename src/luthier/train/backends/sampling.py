"""Answers that the student draws itself while it trains."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from luthier.train.backends.attention import replaced_by
from luthier.train.backends.encode import Encoded, end_tokens
from luthier.train.backends.objectives.protocol import Scorer


@torch.no_grad()
def sample_answers(
    scorer: Scorer,
    tokenizer: Any,
    texts: Sequence[Encoded],
    *,
    seed: int,
    temperature: float,
    most_tokens: int,
    context_tokens: int,
) -> list[Encoded]:
    """Each prompt with an answer drawn from the model; equal seeds draw equal answers.

    A prompt ends where its text's first target stands. An answer ends with the end of the turn or is cut.
    """
    prompts = [text.ids[: text.targets[0]] for text in texts]
    room = min(most_tokens, context_tokens - max(len(prompt) for prompt in prompts))
    was_training = scorer.model.training
    scorer.model.eval()
    with replaced_by(scorer.model, "sdpa"):
        drawn = _draw(scorer, prompts, end_tokens(tokenizer), seed=seed, temperature=temperature, room=max(1, room))
    scorer.model.train(was_training)
    return [
        Encoded(text.id, (*prompt.tolist(), *answer), (False,) * len(prompt) + (True,) * len(answer))
        for text, prompt, answer in zip(texts, prompts, drawn, strict=True)
    ]


def _draw(
    scorer: Scorer, prompts: Sequence[Any], ends: Collection[int], *, seed: int, temperature: float, room: int
) -> list[tuple[int, ...]]:
    """The drawn tokens of every prompt, its end included; rows that have ended leave the batch."""
    draws = torch.Generator(device=scorer.device).manual_seed(seed)
    tokens, mask = _left_padded(prompts, scorer.device)
    cache = DynamicCache(config=scorer.model.config)
    answers: list[list[int]] = [[] for _ in prompts]
    alive = list(range(len(prompts)))
    read = tokens
    for _ in range(room):
        positions = (mask.long().cumsum(1) - 1).clamp_(min=0)[:, -read.shape[1] :]
        found = scorer.model(
            input_ids=read, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
            logits_to_keep=1,
        )  # fmt: skip
        shares = torch.softmax(found.logits[:, -1].float() / temperature, dim=-1)
        read = torch.multinomial(shares, 1, generator=draws)
        for at, token in zip(alive, read[:, 0].tolist(), strict=True):
            answers[at].append(token)
        goes_on = [place for place, at in enumerate(alive) if answers[at][-1] not in ends]
        if not goes_on:
            break
        mask = torch.cat([mask, torch.ones_like(read, dtype=torch.bool)], dim=1)
        if len(goes_on) < len(alive):
            kept = torch.tensor(goes_on, device=scorer.device)
            cache.batch_select_indices(kept)
            read, mask, alive = read[kept], mask[kept], [alive[place] for place in goes_on]
    return [tuple(answer) for answer in answers]


def _left_padded(prompts: Sequence[Any], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(len(prompt) for prompt in prompts)
    tokens = np.zeros((len(prompts), longest), dtype=np.int64)
    mask = np.zeros((len(prompts), longest), dtype=np.bool_)
    for at, prompt in enumerate(prompts):
        tokens[at, longest - len(prompt) :] = prompt
        mask[at, longest - len(prompt) :] = True
    return torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)
