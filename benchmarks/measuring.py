"""One engine at a time in a process of its own: seconds, processor seconds, peak memory, and what it found.

Peers run under the interpreter named by LUTHIER_PEERS_PYTHON (default /work/peers/bin/python), an environment with
`pip install rensa==0.5.0 datasketch==2.0.0 datatrove==0.10.1 daft==0.7.26 duckdb==2.0.0 polars==2.1.0 'xxhash<4'`.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

Work = Callable[[Path, int], dict[str, object]]
"""Reads the first so many rows of a Parquet file, and says what it found."""
Engine = Callable[[], Work]
"""Imports and compiles what it needs; that is not part of the seconds."""

PEERS_PYTHON = os.environ.get("LUTHIER_PEERS_PYTHON", "/work/peers/bin/python")


def run_apart(script: str, engine: str, texts: Path, rows: int, *, times: int) -> dict[str, object]:
    """The median run of `engine` on the first `rows` rows of `texts`."""
    python = sys.executable if engine.startswith("luthier") else PEERS_PYTHON
    command = [python, script, "--engine", engine, "--texts", str(texts), "--rows", str(rows)]
    runs = []
    for _ in range(times):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{engine} failed:\n{done.stderr[-3000:]}")
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    middle = statistics.median_low(run["seconds"] for run in runs)
    return {"engine": engine, "rows": rows, "runs": times, **next(run for run in runs if run["seconds"] == middle)}


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


def as_texts(records: Path, folder: Path) -> Path:
    """A Parquet file with `messages` and `text` (contents joined by a line break) of each record, in order."""
    import orjson  # noqa: PLC0415 - peers read this file, too
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    schema = pa.schema([("row", pa.int64()), ("messages", pa.list_(message)), ("text", pa.string())])
    path = folder / "texts.parquet"
    with records.open("rb") as file, pq.ParquetWriter(path, schema, compression="zstd") as writer:
        batch: list[dict[str, object]] = []
        for row, line in enumerate(file):
            messages = orjson.loads(line)["messages"]
            text = "\n".join(one["content"] for one in messages)
            batch.append({"row": row, "messages": messages, "text": text})
            if len(batch) == 10_000:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema))
    return path
