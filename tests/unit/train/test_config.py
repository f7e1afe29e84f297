import subprocess
import sys

import pytest
from pydantic import ValidationError

from luthier.train.config import TrainConfig


def test_the_section_of_the_design_document_is_read() -> None:
    config = TrainConfig.model_validate(
        {"method": "sft", "adapter": {"kind": "lora", "rank": 16}, "early_stopping": {"patience": 3}}
    )
    assert config.adapter.rank == 16
    assert config.early_stopping is not None


@pytest.mark.parametrize(
    "bad",
    [
        {"learning_rat": 1e-3},
        {"method": "ppo"},
        {"epochs": 0},
        {"adapter": {"layers": []}},
        {"adapter": {"dropout": 1.0}},
        {"early_stopping": {"patience": 0}},
        {"time_limit_seconds": 0},
    ],
)
def test_what_could_not_train_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainConfig.model_validate(bad)


def test_reading_the_section_and_importing_the_stage_load_no_model_library() -> None:
    code = (
        "import sys, luthier.train.config, luthier.train.stage;"
        "print(sorted({'torch', 'transformers', 'peft', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
