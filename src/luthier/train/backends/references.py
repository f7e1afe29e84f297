"""What the model thought before it was trained: computed once, kept by the digest of all that it depends on."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from luthier.train.backends.encode import Encoded
from luthier.train.backends.tensors import save_tensors
from luthier.train.durable import folder_in_one_move

VERSION = 1


@dataclass(frozen=True)
class References:
    """A folder of log-probabilities that runs share; None keeps them for one run only."""

    folder: Path | None
    model: str
    """What the frozen model is: its weights, and the precision that they are computed in."""

    def of(self, texts: Sequence[Encoded], compute: Callable[[Sequence[Encoded]], torch.Tensor]) -> torch.Tensor:
        """One figure per text: those kept, or those that `compute` gives, which are then kept."""
        if self.folder is None:
            return compute(texts)
        kept = self.folder / f"references-{self._digest(texts)[:32]}"
        file = kept / "log_probs.safetensors"
        if not file.exists():
            found = compute(texts)
            with folder_in_one_move(kept) as partial:
                save_tensors({"log_probs": found}, partial / file.name)
        return load_file(file)["log_probs"]

    def _digest(self, texts: Sequence[Encoded]) -> str:
        hasher = hashlib.sha256(f"{VERSION} {self.model}".encode())
        for text in texts:
            for part in (text.ids, text.targets):
                hasher.update(len(part).to_bytes(8, "little"))
                hasher.update(part.tobytes())
        return hasher.hexdigest()
