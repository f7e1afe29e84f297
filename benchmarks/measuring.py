"""One engine at a time in a process of its own: seconds, processor seconds, peak memory, and what it found.

Peers run under the interpreter named by LUTHIER_PEERS_PYTHON (default .venv-peers/bin/python, which `make bench` makes
from PEERS in the Makefile). Records are made once, below the folder named by LUTHIER_BENCH_DATA (default .bench),
about 900 MB for a million. `compare` prints a JSON object an engine and writes all of them, with the machine, its
load, versions, spread and ratios, to results/.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

Work = Callable[[Path, int], dict[str, object]]
"""Reads the first so many rows of a Parquet file, and says what it found."""
Engine = Callable[[], Work]
"""Imports and compiles what it needs; that is not part of the seconds."""
Told = dict[str, object]

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DATA = Path(os.environ.get("LUTHIER_BENCH_DATA", HERE.parent / ".bench"))
PEERS_PYTHON = os.environ.get("LUTHIER_PEERS_PYTHON", str(HERE.parent / ".venv-peers" / "bin" / "python"))
_VERSIONS = """
import json
from importlib import metadata
names = ("daft", "datasketch", "datatrove", "duckdb", "numba", "numpy", "orjson", "polars", "pyarrow", "rensa")
found = {one.metadata["Name"].lower(): one.version for one in metadata.distributions()}
print(json.dumps({name: found[name] for name in names if name in found}))
"""


def arguments(about: str, engines: Iterable[str], *, rows: int, times: int) -> argparse.Namespace:
    """What was asked for, or `rows` and `times`; `engine` and `texts` are given to a process of `run_apart`."""
    asked = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=rows, help=f"Records, at most 1,000,000; {rows:,} by default.")
    asked.add_argument("--times", type=int, default=times, help="Runs of each engine; the median is told.")
    asked.add_argument("--engine", choices=list(engines), help=argparse.SUPPRESS)
    asked.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    return asked.parse_args()


def compare(
    script: str,
    engines: Mapping[str, int],
    *,
    rows: int,
    times: int,
    also: Callable[[Path], Iterable[Told]] | None = None,
) -> None:
    """Run every engine on the first so many of `rows` records, print what it told, and keep all in results/.

    `also` gives what else is to be told of the same texts, such as recall.
    """
    texts, before, found = texts_of(rows), os.getloadavg(), []
    for engine, most in engines.items():
        found.append(run_apart(script, engine, texts, min(rows, most), times=times))
        print(json.dumps(found[-1]), flush=True)
    more = []
    for told_of in also(texts) if also else ():
        more.append(told_of)
        print(json.dumps(told_of), flush=True)
    keep(Path(script).stem, {"load_before": before, "engines": found, "ratios": ratios(found), "also": more})


def keep(name: str, figures: Told) -> None:
    """Write figures with what they were measured on to results/."""
    RESULTS.mkdir(exist_ok=True)
    told_of = {
        "command": " ".join(["python", *sys.argv]), "machine": machine(), "versions": versions(),
        "load_after": os.getloadavg(), **figures,
    }  # fmt: skip
    (RESULTS / f"{name}.json").write_text(json.dumps(told_of, indent=2) + "\n", encoding="utf-8")


def machine() -> Told:
    """Processor, cores, memory and system."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages * size / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions() -> Told:
    """Library versions, ours and those of the peers' environment."""
    pythons = {"luthier": sys.executable, "peers": PEERS_PYTHON}
    told_by = {name: subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True).stdout
               for name, python in pythons.items() if Path(python).exists()}  # fmt: skip
    return {name: json.loads(text) for name, text in told_by.items()}


def ratios(found: Iterable[Mapping[str, object]]) -> Told:
    """How many times as many rows Luthier does as each peer, by the wall clock and by processor time."""
    rates = {str(one["engine"]): (one["rows_per_second"], one["rows_per_processor_second"]) for one in found}
    ours = rates.pop("luthier", None)
    if ours is None:
        return {}
    return {
        peer: {"wall": round(ours[0] / wall, 2), "processor": round(ours[1] / processor, 2)}
        for peer, (wall, processor) in rates.items()
    }


def run_apart(script: str, engine: str, texts: Path, rows: int, *, times: int) -> Told:
    """The median run of `engine` on the first `rows` rows of `texts`."""
    python = sys.executable if engine.startswith("luthier") else PEERS_PYTHON
    command = [python, script, "--engine", engine, "--texts", str(texts), "--rows", str(rows)]
    runs = []
    for _ in range(times):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{engine} failed:\n{done.stderr[-3000:]}")
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    seconds = [run["seconds"] for run in runs]
    middle = statistics.median_low(seconds)
    chosen = next(run for run in runs if run["seconds"] == middle)
    return {"engine": engine, "rows": rows, "runs": times, "seconds_from": min(seconds), "seconds_to": max(seconds),
            **chosen, "load_average": round(os.getloadavg()[0], 1)}  # fmt: skip


def told(engine: Engine, texts: Path, rows: int) -> None:
    """Start the engine, run it once, and print what it found, what that took, and the most memory ever held."""
    began = time.perf_counter()
    work = engine()
    start_seconds = time.perf_counter() - began
    before, began = _processor_seconds(), time.perf_counter()
    found = work(texts, rows)
    seconds, processor = time.perf_counter() - began, _processor_seconds() - before
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    figures = {"start_seconds": start_seconds, "seconds": seconds, "processor_seconds": processor}
    figures = {name: round(value, 2) for name, value in figures.items()}
    per_second = {"rows_per_second": round(rows / seconds), "rows_per_processor_second": round(rows / processor)}
    print(json.dumps({**figures, **per_second, "peak_mb": peak // 1024, **found}))


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def records_of(rows: int) -> Path:
    """A file whose first lines are `rows` records of benchmarks/records.py, made if it is not there."""
    folder = DATA / str(rows)
    made = next((one for one in sorted(DATA.glob("*/records.jsonl")) if int(one.parent.name) >= rows), None)
    if made is None:
        command = [sys.executable, str(HERE / "records.py"), "--rows", str(rows), "--out", str(folder) + ".part"]
        subprocess.run(command, check=True)
        Path(f"{folder}.part").rename(folder)
        made = folder / "records.jsonl"
    return made


def texts_of(rows: int) -> Path:
    """A Parquet file with `messages` and `text` (contents joined by a line break) of `rows` records, made once."""
    import orjson  # noqa: PLC0415 - peers read this file, too
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = DATA / f"texts-{rows}.parquet"
    if path.exists():
        return path
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    schema = pa.schema([("row", pa.int64()), ("messages", pa.list_(message)), ("text", pa.string())])
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with records_of(rows).open("rb") as file, pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        lines = enumerate(islice(file, rows))
        while batch := [(row, orjson.loads(line)["messages"]) for row, line in islice(lines, 10_000)]:
            told_of = [
                {"row": row, "messages": messages, "text": "\n".join(one["content"] for one in messages)}
                for row, messages in batch
            ]
            writer.write_table(pa.Table.from_pylist(told_of, schema))
    unfinished.rename(path)
    return path
