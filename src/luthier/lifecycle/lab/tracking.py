"""Where a run is told besides the store: `train.tracking`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from luthier.domain.runs import CurvePoint
from luthier.errors import StorageFault
from luthier.lifecycle.workspace import Workspace
from luthier.store import safe_join
from luthier.train.config import TrainConfig
from luthier.train.lab.tensorboard import first_record, record_of

TUNING = "tuning"
Told = Callable[[CurvePoint], None]


@contextmanager
def tracked(work: Workspace, config: TrainConfig, name: str) -> Iterator[Told]:
    """What is to be told of every curve point while this is open; nothing where nobody tracks."""
    if "tensorboard" not in config.tracking:
        yield lambda _point: None
        return
    file = _fresh_file(work, name or TUNING)
    _append(file, first_record(work.clock().timestamp()))
    yield lambda point: _append(file, record_of(point, work.clock().timestamp()))


def tracking_folder(work: Workspace) -> Path:
    """What `tensorboard --logdir` is pointed at."""
    return work.home / "tracking" / "tensorboard"


def _fresh_file(work: Workspace, name: str) -> Path:
    """A file per attempt: TensorBoard reads all files of a folder in the order of their names."""
    folder = safe_join(tracking_folder(work), name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise _told(folder, fault) from fault
    attempt = len(list(folder.iterdir()))
    return folder / f"events.out.tfevents.{int(work.clock().timestamp()):010d}.luthier.{attempt:04d}"


def _append(file: Path, record: bytes) -> None:
    try:
        with file.open("ab") as handle:
            handle.write(record)
    except OSError as fault:
        raise _told(file, fault) from fault


def _told(path: Path, fault: OSError) -> StorageFault:
    hint = "free space there, or leave train.tracking out"
    return StorageFault(f"{str(path)!r} could not be written: {fault.strerror or fault}", hint=hint)
