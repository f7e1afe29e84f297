"""The whole of `luthier data build` on chat records: rows a second, seconds of each step, and the peak of memory.

    python benchmarks/records.py --rows 100000 --out DIR
    python benchmarks/build.py DIR [--rows 10000 100000] [--workers 2] [--out build.json]

DIR/records.jsonl is what benchmarks/records.py makes. For each of `--rows` a project is made of its first lines,
in a fresh folder, and built from nothing by a process of its own: patterns of personal data on, names off, gold set of
500. Memory is what all processes of the build hold together (RSS, sampled ten times a second; pages of mapped files
that two processes share count twice), and beside it without file pages (anonymous memory). Prints one JSON object.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path

PROJECT = """
project: bench
charter:
  problem: How fast is a build?
  kpis: [{name: k, now: 0.1, target: "> 0.2", owner: nobody}]
  kill_criterion: {metric: k, must_reach: "> 0.1", within_weeks: 8}
data:
  sources: [{path: records.jsonl, format: chat, lawful_basis: contract}]
  pii: {action: mask, ner: "off", cleared_by: nobody, reason: what is measured is the build without names}
  contradictions: drop
  gold: {size: 500}
  workers: WORKERS
variants:
  prompt: {model: base, prompt: prompt.md}
"""


class Meter(threading.Thread):
    """The most memory that a process and all below it held at once."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.rss, self.anonymous, self.is_over = root, 0, 0, False

    def run(self) -> None:
        """Look ten times a second until told that it is over."""
        while not self.is_over:
            figures = [held(process) for process in family(self.root)]
            self.rss = max(self.rss, sum(rss for rss, _ in figures))
            self.anonymous = max(self.anonymous, sum(anonymous for _, anonymous in figures))
            time.sleep(0.1)


def family(root: int) -> list[int]:
    """A process and all its descendants."""
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in task.read_text().split()]
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def held(process: int) -> tuple[int, int]:
    """Bytes in memory: all, and those of no file."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)
             if name in {"VmRSS", "RssAnon"}}  # fmt: skip
    return sizes.get("VmRSS", 0), sizes.get("RssAnon", 0)


def build(records: Path, rows: int, workers: int) -> dict[str, object]:
    """One build of the first `rows` records, measured."""
    with tempfile.TemporaryDirectory(dir=records.parent) as scratch:
        folder = Path(scratch)
        with records.open("rb") as source, (folder / "records.jsonl").open("wb") as sink:
            sink.writelines(islice(source, rows))
        (folder / "luthier.yaml").write_text(PROJECT.replace("WORKERS", str(workers)))
        (folder / "prompt.md").write_text("Answer.")
        begin, before = time.monotonic(), os.times()
        command = [sys.executable, "-m", "luthier.cli.main", "data", "build", "--project", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            meter = Meter(process.pid)
            meter.start()
            assert process.stderr is not None
            steps = []
            for line in process.stderr:
                steps.append((round(time.monotonic() - begin, 2), line.strip()))
            process.wait()
            meter.is_over = True
        seconds, after = time.monotonic() - begin, os.times()
        if process.returncode:
            raise SystemExit(f"the build ended with {process.returncode}: {steps[-5:]}")
        told = subprocess.run(
            [*command[:-3], "card", "--project", str(folder), "--json"], check=True, capture_output=True
        )
        card = json.loads(told.stdout)
    return {
        "rows": card["rows_in"],
        "kept": sum(card["splits"].values()),
        "dropped": card["dropped"],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(after[2:4]) - sum(before[2:4]), 1),
        "rows_per_second": round(card["rows_in"] / seconds),
        "peak_rss_mb": round(meter.rss / 1e6),
        "peak_anonymous_mb": round(meter.anonymous / 1e6),
        "steps": steps,
    }


def main() -> None:
    """Build at every size and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    told = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
        "load_before": os.getloadavg(),
        "versions": {name: version(name) for name in ("pyarrow", "polars", "numpy", "numba", "orjson", "pydantic")},
        "python": platform.python_version(),
        "workers": options.workers,
        "builds": [build(options.folder / "records.jsonl", rows, options.workers) for rows in options.rows],
    }
    text = json.dumps(told, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
