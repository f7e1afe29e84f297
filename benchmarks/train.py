"""Training on a CPU: Luthier beside TRL's best settings, its random order, and a bare loop, on the same rows.

    python benchmarks/train.py [--work snips star dpo distill start] [--rows 256] [--threads 2] [--out FILE]

Every engine runs in a process of its own. Seconds reach from the beginning of the first step to the end of the last
(preference work: from before the references); tokens are counted without padding. Processor seconds are shown because
other jobs on the machine change seconds and not them; with --threads 1 they are the figure to compare. Nothing here is
estimated: an engine that fails is shown as failed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from train_setup import LENGTHS_SEED, Marks, Setup, tokens_of

TRL_PYTHON = os.environ.get("LUTHIER_TRL_PYTHON", "/work/venv-trl/bin/python")
HERE = Path(__file__).resolve()
WORKS: dict[str, tuple[str, ...]] = {
    "snips": ("luthier", "bare grouped", "trl grouped", "trl random", "trl packing"),
    "star": ("luthier", "bare grouped", "trl grouped", "trl random", "trl packing"),
    "dpo": ("luthier", "trl dpo", "trl dpo precomputed"),
    "distill": ("luthier own samples", "trl gkd own samples", "luthier given answers", "trl gkd given answers"),
    "start": ("luthier", "trl random"),
}
SMALLEST_RANDOM_ROWS = 8


def main() -> None:
    """The table, printed and kept."""
    options = _parse()
    if options.engine:
        print(json.dumps(_engine(options)))
        return
    found = [_apart(work, engine, options) for work in options.work for engine in WORKS[work]]
    machine = {
        "machine": platform.processor() or platform.machine(),
        "load": os.getloadavg(),
        "threads": options.threads,
    }
    versions = {name: version(name) for name in ("torch", "transformers", "peft")} | {"trl": "1.16.0"}
    for line in found:
        print(json.dumps(line))
    for work in options.work:
        _say_ratios([line for line in found if line["work"] == work])
    if options.out:
        options.out.write_text("".join(json.dumps(line) + "\n" for line in [machine | versions, *found]), "utf-8")


def _say_ratios(lines: list[dict[str, Any]]) -> None:
    """How many times as much per processor second and per second as each peer."""
    ours = next((line for line in lines if line["engine"].startswith("luthier") and "per_cpu_second" in line), None)
    for line in lines:
        if ours and line is not ours and "per_cpu_second" in line:
            by_cpu, by_clock = (ours[key] / line[key] for key in ("per_cpu_second", "per_second"))
            print(f"{ours['work']}: {by_cpu:.2f}x (processor), {by_clock:.2f}x (clock) of {line['engine']}")
        if ours and line is not ours and "losses" in line and "losses" in ours:
            gap = max(abs(a - b) for a, b in zip(line["losses"], ours["losses"], strict=False))
            print(f"{ours['work']}: largest difference to the loss curve of {line['engine']}: {gap:.1e}")


def _apart(work: str, engine: str, options: argparse.Namespace) -> dict[str, Any]:
    python = sys.executable if engine.startswith("luthier") else TRL_PYTHON
    command = [python, str(HERE), "--engine", engine, "--work", work, "--rows", str(options.rows)]
    command += ["--threads", str(options.threads)]
    source = str(HERE.parents[1] / "src")
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads), "PYTHONPATH": source, "HF_HUB_OFFLINE": "1"}
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    line: dict[str, Any] = {"work": work, "engine": engine, "process_seconds": round(time.perf_counter() - began, 1)}
    if done.returncode:
        return line | {"failed": done.stderr.strip().splitlines()[-1][:300] if done.stderr.strip() else "no output"}
    line |= json.loads(done.stdout.splitlines()[-1])
    amount = line["rows"] if work == "dpo" else line.get("tokens")
    if amount and work != "start":
        line |= {"per_cpu_second": amount / line["cpu_seconds"], "per_second": amount / line["seconds"]}
    print(f"{work} {engine}: {line.get('per_cpu_second', 0):.1f} per processor second", file=sys.stderr, flush=True)
    return line


def _engine(options: argparse.Namespace) -> dict[str, Any]:
    """One engine in this process."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(options.threads)
    work = options.work[0]
    setup = _setup(work, options.rows)
    if options.engine.startswith("luthier"):
        return _ours(work, options.engine, setup)
    import train_peers  # noqa: PLC0415

    return train_peers.run(options.engine, setup)


def _setup(work: str, rows: int) -> Setup:
    import train_rows  # noqa: PLC0415

    from luthier.variants.engines.folders import model_folder  # noqa: PLC0415

    reader = {"star": train_rows.star, "dpo": train_rows.hh_pairs}.get(work, train_rows.snips)
    return Setup(rows=reader(rows), base=model_folder("bundled"))


class _Timed:
    """Ports that mark the first look at the clock (before references) and the end of every step."""

    checkpoints: Path | None = None

    def __init__(self, marks: Marks, *, from_first_look: bool) -> None:
        self.marks = marks
        self.losses: list[float] = []
        self._from_first_look = from_first_look

    def monotonic_seconds(self) -> float:
        if self._from_first_look:
            self.marks.begin()
        return time.monotonic()

    def progress(self, point: Any, done: int, of: int) -> None:  # noqa: ARG002 - the ports ask for it
        if done == 0:
            self.marks.begin()
        else:
            self.marks.end()
        if point.train_loss is not None:
            self.losses.append(point.train_loss)

    def stop_requested(self) -> bool:
        return False


def _ours(work: str, engine: str, setup: Setup) -> dict[str, Any]:
    """One epoch through the stage, as the product runs it; its evaluation of eight rows at the end counts as well."""
    started = time.process_time()
    from transformers import AutoTokenizer  # noqa: PLC0415

    from luthier.train.config import TrainConfig  # noqa: PLC0415
    from luthier.train.stage import run  # noqa: PLC0415
    from luthier.train.types import BaseModel  # noqa: PLC0415
    from luthier.variants.engines.folders import weights_digest  # noqa: PLC0415

    settings: dict[str, Any] = {
        "epochs": 1, "batch_size": setup.batch_size, "learning_rate": setup.rate, "scheduler": "constant",
        "warmup_share": 0.0, "evaluate_every_epochs": 1000, "early_stopping": None, "seed": LENGTHS_SEED,
        "adapter": {"rank": setup.rank, "alpha": 2 * setup.rank},
    }  # fmt: skip
    if work == "dpo":
        settings |= {"method": "dpo"}
    if work == "distill":
        share = 1.0 if "own" in engine else 0.0
        settings |= {
            "method": "distill",
            "distill": {
                "teacher": "base",
                "learn_from": "logits",
                "student_share": share,
                "max_sampled_tokens": setup.sampled,
            },
        }
    base = BaseModel(folder=setup.base, weights=weights_digest(setup.base))
    ports = _Timed(Marks(), from_first_look=work == "dpo")
    held_out = [row.model_copy(update={"id": f"held out {row.id}"}) for row in setup.rows[:SMALLEST_RANDOM_ROWS]]
    with TemporaryDirectory() as scratch:
        teacher = base if work == "distill" else None
        run(
            ports,
            TrainConfig.model_validate(settings),
            base,
            setup.rows,
            held_out,
            target=Path(scratch) / "a",
            teacher=teacher,
        )
    counted = {"rows": len(setup.rows)}
    if work != "dpo":
        counted["tokens"] = tokens_of(AutoTokenizer.from_pretrained(setup.base), setup.rows)
    first = {"cpu_seconds_to_first_step": round(ports.marks.first_cpu - started, 2)}
    return counted | ports.marks.figures() | {"losses": ports.losses} | first


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
