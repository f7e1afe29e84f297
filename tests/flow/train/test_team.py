"""Processes that share every batch over gloo: the curve of one, whatever their number, and states to go on from."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from luthier.train.backend_config import TorchrunBackend
from luthier.train.config import LoraConfig, TrainConfig
from luthier.train.errand import Errand, Fault, Folder, News
from luthier.train.stage import run
from luthier.train.types import BaseModel, TrainingOutcome
from tests.flow.train import member
from tests.unit.train.tiny import FakePorts, make_base, task

CONFIG = TrainConfig(
    epochs=2, learning_rate=3e-3, batch_size=9, evaluate_every_epochs=0.5, checkpoint_every_steps=1,
    adapter=LoraConfig(rank=4, alpha=8),
)  # fmt: skip
TRAIN, VALIDATION = task(64, seed=1), task(15, seed=2)  # the last batch of an epoch holds a single row


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def alone(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingOutcome, Path]:
    target = tmp_path_factory.mktemp("alone") / "adapter"
    return run(FakePorts(), CONFIG, base, TRAIN, VALIDATION, target=target), target


def _started(work: Callable[..., None], size: int, *given: Path) -> set[int | None]:
    """How the processes of a team ended that did that work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["luthier.train.backends.worker", "tests.flow.train.member"])
    members = [context.Process(target=work, args=(rank, size, *given)) for rank in range(size)]
    for process in members:
        process.start()
    for process in members:
        process.join()
    return {process.exitcode for process in members}


def _together(
    base: BaseModel, folder: Path, size: int, *, states: Path | None = None, stops: bool = False,
    config: TrainConfig = CONFIG,
) -> Path:  # fmt: skip
    folder.mkdir()
    errand = Errand(
        config=config, base=Folder.of(base), teacher=None, seed=0, states=states, target=folder / "adapter",
        processes_here=size, parent=None, train=tuple(TRAIN), validation=tuple(VALIDATION),
    )  # fmt: skip
    (folder / "errand.json").write_text(errand.model_dump_json())
    if stops:
        (folder / "stop").touch()
    assert _started(member.work, size, folder) == ({1} if stops else {0})
    return folder


def _same(folder: Path, alone: tuple[TrainingOutcome, Path]) -> None:
    found = TrainingOutcome.model_validate_json((folder / "outcome.json").read_text())
    assert [point.step for point in found.curve] == [point.step for point in alone[0].curve]
    for mine, theirs in zip(found.curve, alone[0].curve, strict=True):
        assert mine.validation_loss == pytest.approx(theirs.validation_loss, abs=1e-4)
        assert mine.train_loss == pytest.approx(theirs.train_loss, abs=1e-4)
    assert found.tokens_seen == alone[0].tokens_seen
    weights, others = (load_file(each / "adapter_model.safetensors") for each in (folder / "adapter", alone[1]))
    assert max((weights[name] - others[name]).abs().max().item() for name in weights) < 1e-3


@pytest.mark.parametrize("size", [2, 3])
def test_a_team_has_the_curve_of_one_process(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path, size: int
) -> None:
    _same(_together(base, tmp_path / "team", size), alone)
    assert alone[0].curve[-1].validation_loss != alone[0].curve[0].validation_loss


def test_a_stopped_team_goes_on_where_it_was_also_in_another_number(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    states = tmp_path / "states"
    stopped = _together(base, tmp_path / "stopped", 2, states=states, stops=True)
    assert "asked to stop" in Fault.model_validate_json((stopped / "fault.json").read_text()).message
    assert [state.name for state in states.glob("state-*")] == ["state-00000001"]
    assert not (stopped / "adapter").exists()
    again = _together(base, tmp_path / "again", 3, states=states)
    assert News.model_validate_json((again / "news.jsonl").read_text().splitlines()[0]).done > 1
    _same(again, alone)
    assert not list(states.glob("state-*"))


SHARDED = CONFIG.model_copy(update={"backend": TorchrunBackend(kind="torchrun", is_sharded=True)})


def test_a_team_that_holds_the_weights_in_shares_has_the_curve_of_one_process(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    """The last batch of an epoch has one row: the process without one still gives its share of the weights."""
    small = SHARDED.model_copy(update={"micro_batch_tokens": 64})
    _same(_together(base, tmp_path / "team", 2, config=small), alone)


def test_a_sharded_run_that_was_stopped_goes_on_unsharded(
    base: BaseModel, alone: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    states = tmp_path / "states"
    _together(base, tmp_path / "stopped", 2, states=states, stops=True, config=SHARDED)
    again = _together(base, tmp_path / "again", 2, states=states)
    assert News.model_validate_json((again / "news.jsonl").read_text().splitlines()[0]).done > 1
    _same(again, alone)


def test_each_process_holds_its_share_of_the_frozen_weights_and_all_that_trains(
    base: BaseModel, tmp_path: Path
) -> None:
    assert _started(member.hold, 2, tmp_path, base.folder) == {0}
    (first, whole, trained), (second, same, equal) = (
        map(int, (tmp_path / f"held-{rank}").read_text().split()) for rank in range(2)
    )
    assert first + second == whole == same
    assert abs(first - second) < 0.1 * whole
    assert trained == equal > 0
