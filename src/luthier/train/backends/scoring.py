"""From token sequences to the log-probability of each target, in one pass of the model."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from luthier.train.backends.attention import bare
from luthier.train.backends.base_model import Machine
from luthier.train.backends.encode import Encoded
from luthier.train.backends.fused import log_probabilities
from luthier.train.backends.objectives.protocol import Scored
from luthier.train.backends.sheets import Sheet, lay_out


def score(model: Any, texts: Sequence[Encoded], machine: Machine, *, reads_sheets: bool) -> Scored:
    """What `model` thinks of the targets of `texts`; gradients flow where they are enabled."""
    is_low = machine.compute != torch.float32
    with torch.autocast(machine.device.type, machine.compute) if is_low else nullcontext():
        if reads_sheets:
            sheet = lay_out(texts, machine.device)
            logits = model(
                input_ids=sheet.tokens, position_ids=sheet.positions, use_cache=False, logits_to_keep=sheet.picks,
                sheet=sheet,
            ).logits.squeeze(0)  # fmt: skip
        else:
            sheet, logits = _padded(model, texts, machine.device)
    return Scored(sheet, logits, log_probabilities(logits, sheet.of_pick, sheet.wanted))


def hidden_at(model: Any, sheet: Sheet) -> torch.Tensor:
    """The last hidden states at the picks of a sheet, shape [picks, width]."""
    trunk = bare(model).base_model
    found = trunk(input_ids=sheet.tokens, position_ids=sheet.positions, use_cache=False, sheet=sheet)
    return found.last_hidden_state.squeeze(0)[sheet.picks]  # type: ignore[no-any-return]


def _padded(model: Any, texts: Sequence[Encoded], device: torch.device) -> tuple[Sheet, torch.Tensor]:
    """For models whose attention cannot be replaced: rows padded on the right, where no target looks back from."""
    longest = max(len(text.tokens) for text in texts)
    tokens = np.zeros((len(texts), longest), dtype=np.int64)
    for at, text in enumerate(texts):
        tokens[at, : len(text.tokens)] = text.ids
    row = np.concatenate([np.full(len(text.targets), at) for at, text in enumerate(texts)])
    before = np.concatenate([at * longest + text.targets - 1 for at, text in enumerate(texts)])
    wanted = np.concatenate([text.ids[text.targets] for text in texts])
    put = [torch.from_numpy(values).to(device) for values in (tokens, before, wanted, row)]
    logits = model(input_ids=put[0], use_cache=False).logits.flatten(0, 1)[put[1]]
    order = torch.arange(len(wanted), device=device)
    sheet = Sheet(put[0], put[0], (), order, put[1], order, put[2], put[3], rows=len(texts))
    return sheet, logits
