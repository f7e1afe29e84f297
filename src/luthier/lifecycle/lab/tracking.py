"""Where a run is told besides the store: `train.tracking`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from luthier.domain.runs import CurvePoint
from luthier.errors import StorageFault
from luthier.lifecycle.workspace import Workspace
from luthier.store import safe_join
from luthier.train.config import TrainConfig
from luthier.train.lab.config import Tracker
from luthier.train.lab.mlflow import MlflowRun, Status, first_files, meta_file, metric_lines
from luthier.train.lab.tensorboard import first_record, record_of

TUNING = "tuning"
Told = Callable[[CurvePoint], None]


@contextmanager
def tracked(work: Workspace, config: TrainConfig, name: str) -> Iterator[Told]:
    """What is to be told of every curve point while this is open; nothing where nobody tracks."""
    openers = {"tensorboard": _tensorboard, "mlflow": _mlflow}
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(openers[tracker](work, config, name or TUNING))
            for tracker in dict.fromkeys(config.tracking)
        ]

        def tell(point: CurvePoint) -> None:
            for listener in listeners:
                listener(point)

        yield tell


def tracking_folder(work: Workspace, tracker: Tracker = "tensorboard") -> Path:
    """What `tensorboard --logdir` or `mlflow ui --backend-store-uri` is pointed at."""
    return work.home / "tracking" / tracker


@contextmanager
def _tensorboard(work: Workspace, _config: TrainConfig, name: str) -> Iterator[Told]:
    file = _fresh_file(work, name)
    _write(file, first_record(work.clock().timestamp()))
    yield lambda point: _write(file, record_of(point, work.clock().timestamp()))


@contextmanager
def _mlflow(work: Workspace, config: TrainConfig, name: str) -> Iterator[Told]:
    """Each attempt is a run of its own there; one that ends in an error is marked as failed."""
    root = tracking_folder(work, "mlflow")
    run = MlflowRun(
        project=work.project, name=name, attempt=sum(1 for _ in root.glob("*/*/meta.yaml")),
        began=work.clock().timestamp(), user=work.actor, uri=root.resolve().as_uri(),
    )  # fmt: skip
    _write_all(root, first_files(run, config.recipe))
    for folder in run.folders:
        _make(safe_join(root, folder))
    outcome: Status = "failed"
    try:
        yield lambda point: _write_all(root, metric_lines(run, point, work.clock().timestamp()), appends=True)
        outcome = "finished"
    finally:
        _write_all(root, meta_file(run, outcome, ended=work.clock().timestamp()))


def _fresh_file(work: Workspace, name: str) -> Path:
    """A file per attempt: TensorBoard reads all files of a folder in the order of their names."""
    folder = safe_join(tracking_folder(work), name)
    _make(folder)
    attempt = len(list(folder.iterdir()))
    return folder / f"events.out.tfevents.{int(work.clock().timestamp()):010d}.luthier.{attempt:04d}"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise _told(folder, fault) from fault


def _write_all(root: Path, files: Mapping[str, str], *, appends: bool = False) -> None:
    for path, text in files.items():
        file = safe_join(root, path)
        _make(file.parent)
        _write(file, text.encode(), appends=appends)


def _write(file: Path, data: bytes, *, appends: bool = True) -> None:
    try:
        with file.open("ab" if appends else "wb") as handle:
            handle.write(data)
    except OSError as fault:
        raise _told(file, fault) from fault


def _told(path: Path, fault: OSError) -> StorageFault:
    hint = "free space there, or leave train.tracking out"
    return StorageFault(f"{str(path)!r} could not be written: {fault.strerror or fault}", hint=hint)
