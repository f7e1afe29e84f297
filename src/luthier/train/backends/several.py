"""Training in several processes: an errand is written, torchrun or Ray starts workers, and their news are passed on."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from luthier.errors import EngineFault
from luthier.train.backend_config import RayBackend, TorchrunBackend
from luthier.train.backends.local import Job
from luthier.train.errand import Errand, Fault, Folder, News
from luthier.train.types import Ports, Row, TrainingOutcome

LOOKS_EVERY_SECONDS = 0.2
TOLD_OF_A_CRASH = 2000


def fit(
    ports: Ports, job: Job, train: Sequence[Row], validation: Sequence[Row], *, target: Path,
    backend: TorchrunBackend | RayBackend,
) -> TrainingOutcome:  # fmt: skip
    """The history of one run in several processes, whose adapter now lies in `target`."""
    around = job.folder.parent if job.folder is not None else target.parent
    around.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=around, prefix=".errand-") as scratch:
        folder = Path(scratch)
        teacher = Folder.of(job.teacher) if job.teacher is not None else None
        errand = Errand(
            config=job.config, base=Folder.of(job.base), teacher=teacher, seed=job.seed,
            states=job.folder, target=target, processes_here=backend.workers, train=tuple(train),
            validation=tuple(validation),
            parent=os.getpid() if isinstance(backend, TorchrunBackend) else None,
        )  # fmt: skip
        (folder / "errand.json").write_text(errand.model_dump_json(), encoding="utf-8")
        said = _torchrun(folder, backend, ports) if isinstance(backend, TorchrunBackend) else _ray(folder, backend)
        return _outcome(folder, said)


def _torchrun(folder: Path, backend: TorchrunBackend, ports: Ports) -> str:
    """What the workers wrote to standard error, once they have ended; news are told while they run."""
    workers = f"--nproc-per-node={backend.workers}"
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", workers]
    command = [*run, "-m", "luthier.train.backends.worker", str(folder)]
    with (folder / "errors.txt").open("wb") as heard:
        process = subprocess.Popen(command, stdout=heard, stderr=heard)  # noqa: S603 - our own command
        try:
            _watch(process, folder, ports)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return (folder / "errors.txt").read_text(encoding="utf-8", errors="replace")


def _watch(process: "subprocess.Popen[bytes]", folder: Path, ports: Ports) -> None:
    tell = _teller(folder, ports)
    while True:
        try:
            process.wait(LOOKS_EVERY_SECONDS)
        except subprocess.TimeoutExpired:
            tell()
            if ports.stop_requested():
                (folder / "stop").touch()
            continue
        tell()
        return


def _ray(folder: Path, backend: RayBackend) -> str:
    from luthier.train.backends.cluster import run_on_ray  # noqa: PLC0415 - Ray takes seconds to import

    return run_on_ray(folder, backend)


def _teller(folder: Path, ports: Ports) -> Callable[[], None]:
    """Passes on the whole lines of the news that were not yet told."""
    told = 0

    def tell() -> None:
        nonlocal told
        file = folder / "news.jsonl"
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
        for line in lines[told:]:
            if not line.endswith(b"\n"):
                return
            news = News.model_validate_json(line)
            ports.progress(news.point, news.done, news.of)
            told += 1

    return tell


def _outcome(folder: Path, said: str) -> TrainingOutcome:
    """The first worker's outcome; its error where it left one, and a crash where it left neither."""
    if (folder / "outcome.json").exists():
        return TrainingOutcome.model_validate_json((folder / "outcome.json").read_bytes())
    if (folder / "fault.json").exists():
        raise Fault.model_validate_json((folder / "fault.json").read_bytes()).error()
    raise EngineFault(
        f"the workers ended without a result: {said[-TOLD_OF_A_CRASH:].strip() or 'nothing was said'}",
        hint="run again to go on from the last state",
    )
