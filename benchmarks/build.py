"""The whole of `luthier data build` on chat records: rows a second, seconds of each step, and the peak of memory.

    python benchmarks/build.py [--rows 10000 100000 1000000] [--workers 2]

For each of `--rows` a project is made of so many records of benchmarks/records.py, in a fresh folder, and built from
nothing by a process of its own: patterns of personal data on, names off, gold set of 500. Processor seconds are those
of all its processes together, also up to each step: where other work keeps the machine busy they, not the wall clock,
tell what a build costs. Memory is what all processes hold together, sampled five times a second: `pss` counts a page
that two of them share once, `rss` twice, `anonymous` no pages of files, which the kernel takes back when it needs
them. Prints one JSON object a build, and writes results/build.json with the growth of memory from each size to the
next.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from measuring import keep, records_of

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
        self.root, self.is_over = root, False
        self.most: Counter[str] = Counter()

    def run(self) -> None:
        """Look five times a second until told that it is over."""
        while not self.is_over:
            self.most |= sum((held(process) for process in family(self.root)), Counter[str]())
            time.sleep(0.2)


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


def held(process: int) -> Counter[str]:
    """Bytes in memory: all, shared pages in part, and those of no file."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return Counter()
    names = {"Rss": "rss", "Pss": "pss", "Anonymous": "anonymous"}
    sizes = ((name, rest) for name, _, rest in (line.partition(":") for line in lines) if name in names)
    return Counter({names[name]: int(rest.split()[0]) * 1024 for name, rest in sizes})


def processor_seconds(root: int) -> float:
    """What a process, all below it and those of them that ended have used."""
    ticks = 0
    for process in family(root):
        try:
            after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, after_name[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def build(records: Path, rows: int, workers: int) -> dict[str, Any]:
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
                at = round(time.monotonic() - begin, 1)
                steps.append({"wall": at, "cpu": round(processor_seconds(process.pid), 1), "step": line.strip()})
            process.wait()
            meter.is_over = True
        seconds, after = time.monotonic() - begin, os.times()
        used = sum(after[2:4]) - sum(before[2:4])
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
        "processor_seconds": round(used, 1),
        "load_average": os.getloadavg(),
        "rows_per_second": round(card["rows_in"] / seconds),
        "rows_per_processor_second": round(card["rows_in"] / used),
        "peak_mb": {name: round(size / 1e6) for name, size in sorted(meter.most.items())},
        "steps": steps,
    }


def growth(builds: list[dict[str, Any]]) -> list[dict[str, float]]:
    """How many times the rows, and how many times the memory, from each build to the next."""
    return [
        {"rows": after["rows"] / before["rows"], **{
            name: round(after["peak_mb"][name] / before["peak_mb"][name], 2) for name in after["peak_mb"]
        }}
        for before, after in pairwise(builds)
    ]  # fmt: skip


def main() -> None:
    """Build at every size and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    before, builds = os.getloadavg(), []
    for rows in options.rows:
        builds.append(build(records_of(max(options.rows)), rows, options.workers))
        print(json.dumps(builds[-1], indent=2), flush=True)
    keep("build", {"load_before": before, "workers": options.workers, "builds": builds, "growth": growth(builds)})


if __name__ == "__main__":
    main()
