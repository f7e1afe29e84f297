"""A sentence encoder of Hugging Face in this process: safetensors only, its own code never run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from luthier.text.encoding import Floats
from luthier.variants.engines.folders import read_json

_LONGEST = 256
"""Tokens read of a text, as sentence encoders of this kind were trained."""


class LocalEncoder:
    """The mean of the last layer's vectors, or its first one where the folder's pooling says so."""

    def __init__(self, folder: Path, *, batch_size: int) -> None:
        disable_progress_bar()  # type: ignore[no-untyped-call]  # progress is told by the voice of whoever called
        self._batch_size = batch_size
        self._model: Any = AutoModel.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, local_files_only=True, dtype=torch.float32
        ).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        pooling = folder / "1_Pooling" / "config.json"
        self._takes_first = pooling.is_file() and bool(read_json(pooling).get("pooling_mode_cls_token"))
        self._longest = min(_LONGEST, int(getattr(self._model.config, "max_position_embeddings", _LONGEST)))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """One vector of length 1 per text; texts of like length are read together."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found = np.zeros((len(texts), int(self._model.config.hidden_size)), dtype=np.float32)
        for start in range(0, len(order), self._batch_size):
            places = order[start : start + self._batch_size]
            found[places] = self._encoded([texts[place] for place in places])
        return found

    def _encoded(self, texts: list[str]) -> Floats:
        read = self._tokenizer(texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**read).last_hidden_state
            told = read["attention_mask"].unsqueeze(-1).to(states.dtype)
            vectors = states[:, 0] if self._takes_first else (states * told).sum(1) / told.sum(1).clamp(min=1)
            unit: Floats = torch.nn.functional.normalize(vectors, dim=-1).numpy()
        return unit
