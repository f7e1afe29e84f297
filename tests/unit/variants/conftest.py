"""One tiny model, with two adapters, for every test here."""

from pathlib import Path

import pytest
import torch
from tests.unit.variants.tiny import save_tiny_adapter, save_tiny_model


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the model."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def adapters(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two adapters, by name."""
    root = tmp_path_factory.mktemp("adapters")
    return {name: save_tiny_adapter(tiny, root / name, seed=seed) for seed, name in enumerate(("first", "second"))}
