import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from luthier.errors import EngineFault
from luthier.train.backends.faults import memory_told
from luthier.train.config import TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, Interrupted
from tests.unit.train.tiny import FakePorts, pairs, task

QUICK = TrainConfig(epochs=2, learning_rate=3e-3, batch_size=16, evaluate_every_epochs=0.5)
TRAIN, VALIDATION = task(128, seed=1), task(16, seed=2)


def test_a_gradient_longer_than_allowed_ends_the_run_and_the_last_good_adapter_stays(
    base: BaseModel, tmp_path: Path
) -> None:
    config = QUICK.model_copy(update={"stop_at_gradient_norm": 1e-3})
    with pytest.raises(EngineFault, match=r"exceeds train.stop_at_gradient_norm \(0.001\)") as caught:
        run(FakePorts(checkpoints=tmp_path / "states"), config, base, TRAIN, VALIDATION, target=tmp_path / "a")
    assert "learning_rate" in caught.value.hint
    kept = next((tmp_path / "states").glob("*/last-good"))
    assert str(kept) in caught.value.message
    assert load_file(kept / "adapter_model.safetensors")


@pytest.mark.parametrize(
    "fault",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory."),
     RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory")],
)  # fmt: skip
def test_running_out_of_memory_says_which_setting_to_lower(fault: Exception) -> None:
    with pytest.raises(EngineFault, match="out of memory") as caught, memory_told(QUICK):
        raise fault
    assert "train.micro_batch_tokens (now 4096" in caught.value.hint
    assert "qlora" in caught.value.hint


def test_other_faults_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_told(QUICK):
        raise RuntimeError("shapes do not match")


OUT_OF_MEMORY = """
import resource, sys, torch
from pathlib import Path
from luthier.errors import EngineFault
from luthier.train.config import TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel
from luthier.variants.engines.folders import weights_digest
from tests.unit.train.tiny import FakePorts, conversation, task
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
torch.set_num_threads(1)
base = BaseModel(folder=folder, weights=weights_digest(folder))
# no two begin alike, or they would be laid out as one
long = [conversation(str(at), f"{at} " + "ship " * 60, "offer " * 20) for at in range(2000)]

def narrow(point):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (96 << 20), resource.RLIM_INFINITY))

config = TrainConfig(epochs=1, batch_size=2000, micro_batch_tokens=1 << 20, early_stopping=None)
try:
    run(FakePorts(checkpoints=out, on_progress=narrow), config, base, long, task(8, seed=2), target=out / "a")
except EngineFault as fault:
    print(fault.message, "|", fault.hint)
"""


def test_a_step_that_does_not_fit_into_memory_ends_with_advice_and_an_adapter(base: BaseModel, tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, str(base.folder), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "training ran out of memory; the adapter of step 0 is kept in" in done.stdout, done.stderr[-2000:]
    assert "lower train.micro_batch_tokens" in done.stdout


@pytest.mark.parametrize("stop_at", [1, 5, 11])
def test_a_run_that_is_asked_to_stop_does_so_at_the_next_step_and_goes_on_to_the_same_bytes(
    base: BaseModel, tmp_path: Path, stop_at: int
) -> None:
    run(FakePorts(), QUICK, base, TRAIN, VALIDATION, target=tmp_path / "whole")
    ports = FakePorts(checkpoints=tmp_path / "states", stops_after=stop_at)
    with pytest.raises(Interrupted, match=f"after step {stop_at}$") as caught:
        run(ports, QUICK, base, TRAIN, VALIDATION, target=tmp_path / "a")
    assert "go on from there" in caught.value.hint
    assert not (tmp_path / "a").exists()
    again = FakePorts(checkpoints=tmp_path / "states")
    run(again, QUICK, base, TRAIN, VALIDATION, target=tmp_path / "a")
    assert again.asked == 16 - stop_at  # two epochs of eight steps
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_run_without_a_folder_says_that_nothing_was_saved(base: BaseModel, tmp_path: Path) -> None:
    config = QUICK.model_copy(update={"method": "dpo"})
    with pytest.raises(Interrupted) as caught:
        run(FakePorts(stops_after=1), config, base, pairs(32, seed=1), pairs(8, seed=2), target=tmp_path / "a")
    assert "folder" in caught.value.hint
