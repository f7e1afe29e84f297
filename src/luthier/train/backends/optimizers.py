"""The optimizers, with their updates brought to one scale."""

import torch

from luthier.train.config import TrainConfig


def optimizer_for(parameters: list[torch.nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """A fresh one.

    Muon's updates are scaled to the size that AdamW's have, so that one learning rate suits both (Liu et al., Muon is
    Scalable for LLM Training, 2025).
    """
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "muon":
        return torch.optim.Muon(parameters, lr=rate, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
