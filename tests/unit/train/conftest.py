"""One tiny base model for all tests of training."""

from collections.abc import Iterator

import pytest
import torch

from luthier.train.types import BaseModel
from tests.unit.train.tiny import make_base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
