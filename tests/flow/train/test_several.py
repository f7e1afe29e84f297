"""Two workers over gloo train as one does: the same curve, one adapter, resumable."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from safetensors.torch import load_file

from luthier.domain.runs import CurvePoint
from luthier.errors import EngineFault, LuthierError
from luthier.train.backend_config import RayBackend, TorchrunBackend
from luthier.train.backends.worker import WorkerPorts
from luthier.train.config import LoraConfig, TrainConfig
from luthier.train.errand import Fault
from luthier.train.stage import run
from luthier.train.types import BaseModel, Interrupted, TrainingOutcome
from tests.unit.train.tiny import FakePorts, make_base, task

CONFIG = TrainConfig(
    epochs=2, learning_rate=3e-3, batch_size=9, evaluate_every_epochs=0.5, checkpoint_every_steps=1,
    adapter=LoraConfig(rank=4, alpha=8),
)  # fmt: skip
TWO = CONFIG.model_copy(update={"backend": TorchrunBackend(kind="torchrun", workers=2)})
TRAIN, VALIDATION = task(64, seed=1), task(15, seed=2)  # the last batch of an epoch holds a single row


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def alone(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingOutcome, Path]:
    target = tmp_path_factory.mktemp("alone") / "adapter"
    return run(FakePorts(), CONFIG, base, TRAIN, VALIDATION, target=target), target


def _same(one: TrainingOutcome, other: TrainingOutcome, folder: Path, other_folder: Path) -> None:
    assert [point.step for point in one.curve] == [point.step for point in other.curve]
    for point, theirs in zip(one.curve, other.curve, strict=True):
        assert point.train_loss == pytest.approx(theirs.train_loss, abs=1e-4)
        assert point.validation_loss == pytest.approx(theirs.validation_loss, abs=1e-4)
    assert (one.tokens_seen, one.examples_seen, one.best_step) == (
        other.tokens_seen, other.examples_seen, other.best_step,
    )  # fmt: skip
    mine, others = (load_file(each / "adapter_model.safetensors") for each in (folder, other_folder))
    assert mine.keys() == others.keys()
    assert max((mine[name] - others[name]).abs().max().item() for name in mine) < 1e-3


def test_two_workers_of_torchrun_have_the_curve_of_one_process(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    ports = FakePorts(checkpoints=tmp_path / "states")
    found = run(ports, TWO, base, TRAIN, VALIDATION, target=tmp_path / "adapter")
    _same(found, alone[0], tmp_path / "adapter", alone[1])
    assert [point.step for point in ports.points] == [point.step for point in found.curve]
    assert found.curve[-1].validation_loss != found.curve[0].validation_loss
    assert not list((tmp_path / "states").rglob("state-*"))
    assert not list((tmp_path / "states").glob(".errand-*"))


def test_two_workers_that_were_stopped_go_on_where_they_were(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    ports = FakePorts(checkpoints=tmp_path / "states", stops_after=1)
    with pytest.raises(LuthierError, match="asked to stop"):
        run(ports, TWO, base, TRAIN, VALIDATION, target=tmp_path / "adapter")
    assert list((tmp_path / "states").rglob("state-*"))
    again = FakePorts(checkpoints=tmp_path / "states")
    found = run(again, TWO, base, TRAIN, VALIDATION, target=tmp_path / "adapter")
    assert again.done[0][0] > 0, "it began anew, so nothing was resumed"
    _same(found, alone[0], tmp_path / "adapter", alone[1])


def _a_worker_of(states: Path) -> int:
    """The process id of one worker whose errand lies beside these states."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has just ended
            continue
        if b"torch.distributed.run" not in words and any(str(states).encode() in word for word in words):
            return int(process.name)
    raise AssertionError("no worker is there")


def test_a_worker_killed_ends_the_run_and_the_next_goes_on(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    states = tmp_path / "states"
    ports = FakePorts(checkpoints=states)

    def kill(point: CurvePoint) -> None:
        if point.step and list(states.rglob("state-*")):  # a point is told before its state is saved
            ports.on_progress = lambda _point: None
            os.kill(_a_worker_of(states), signal.SIGKILL)

    ports.on_progress = kill
    with pytest.raises(EngineFault, match="without a result"):
        run(ports, TWO, base, TRAIN, VALIDATION, target=tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()
    again = FakePorts(checkpoints=states)
    found = run(again, TWO, base, TRAIN, VALIDATION, target=tmp_path / "adapter")
    assert again.done[0][0] > 0, "it began anew, so nothing was resumed"
    _same(found, alone[0], tmp_path / "adapter", alone[1])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # Ray warns of its own defaults
def test_two_workers_of_ray_train_have_the_curve_of_one_process(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    config = CONFIG.model_copy(update={"backend": RayBackend(kind="ray", workers=2)})
    found = run(FakePorts(checkpoints=tmp_path / "s"), config, base, TRAIN, VALIDATION, target=tmp_path / "adapter")
    _same(found, alone[0], tmp_path / "adapter", alone[1])


def test_an_error_of_the_workers_is_the_runs_error(base: BaseModel, tmp_path: Path) -> None:
    config = TWO.model_copy(update={"learning_rate": 1.0, "max_gradient_norm": 1e9, "stop_at_gradient_norm": 1e-9})
    with pytest.raises(EngineFault, match="gradient"):
        run(FakePorts(checkpoints=tmp_path / "s"), config, base, TRAIN, VALIDATION, target=tmp_path / "adapter")


def test_a_worker_whose_parent_is_gone_is_asked_to_stop(tmp_path: Path) -> None:
    parent = subprocess.Popen(["sleep", "60"])
    ports = WorkerPorts(tmp_path, None, parent.pid)
    before = ports.stop_requested()
    parent.kill()
    parent.wait()
    assert (before, ports.stop_requested()) == (False, True)


def test_a_fault_crosses_a_process_as_it_was() -> None:
    told = Fault.of(EngineFault("it broke", hint="mend it"))
    again = Fault.model_validate_json(told.model_dump_json()).error()
    assert (type(again), again.message, again.hint) == (EngineFault, "it broke", "mend it")
    assert Fault.of(Interrupted(3, is_saved=True)).error().message == Interrupted(3, is_saved=True).message
