"""A data set with something of everything, and a build of it in a process that can be killed."""

import itertools
import json
import os
import signal
import sys
from pathlib import Path
from random import Random

from luthier.data.config import DataConfig
from luthier.data.executors.executor import Engine, opened
from luthier.data.plan import reading
from luthier.data.plan.reading import source_digest
from luthier.data.stage import run
from luthier.data.types import DataResult, SourceFile
from luthier.domain.digests import digest_of, digest_of_bytes

PIECE_BYTES = 20_000
IDLE_THREADS = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""What jemalloc and polars start at import, before there is anything to do."""
WORDS = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split()


def write_rows(target: Path, count: int = 400, seed: int = 3) -> None:
    """Rows of different words, some of them repeated, empty or with an address in them."""
    rng = Random(seed)
    lines = []
    for number in range(count):
        asked = f"{' '.join(rng.choices(WORDS, k=14))} {rng.randrange(10**6)}"
        ideal = f"{' '.join(rng.choices(WORDS, k=20))} {rng.randrange(10**6)}"
        if number % 50 == 7:
            asked += f" write to user{number}@firm.example"
        if number % 40 == 9:
            ideal = ""
        lines.append(json.dumps({
            "id": f"r{number}",
            "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": ideal}],
            "metadata": {"kind": f"k{number % 3}", "customer": f"c{number // 2}"},
        }))  # fmt: skip
    repeated = [json.dumps(json.loads(lines[place]) | {"id": f"again{place}"}) for place in range(20, 60, 5)]
    target.write_text("\n".join([*lines, *repeated]) + "\n", encoding="utf-8")


def config(**more: object) -> DataConfig:
    """Rules that touch every pass."""
    chosen: dict[str, object] = {
        "sources": [{"path": "rows.jsonl", "format": "chat", "lawful_basis": "contract"}],
        "pii": {"action": "mask", "ner": "off", "cleared_by": "nobody", "reason": "the words are made up"},
        "gold": {"size": 40, "stratify_by": ["kind"]},
        "split": {"validation": 0.1, "group_by": "customer"},
    }
    return DataConfig.model_validate(chosen | more)


class Silent:
    """Ports that tell nobody."""

    def progress(self, step: str, done: int, of: int) -> None:
        """Say nothing."""


def build(folder: Path, work: Path, *, engine: Engine = "local", workers: int = 1) -> DataResult:
    """The snapshot of the rows in `folder`, built in `work`."""
    settings = config()
    (section,) = settings.sources
    digest = source_digest(section, folder)
    source = SourceFile(path=section.path, folder=folder, file_digest=digest, config=section)
    with opened(engine, workers=workers, size_bytes=10**9) as executor:
        return run(Silent(), settings, [source], project="p", salt="pepper", folder=work, executor=executor)


def outcome(result: DataResult) -> str:
    """One digest of everything that a build gives: manifest, card, and the bytes of every file."""
    files = {part.name: part.file_digest for part in result.parts}
    lists = {
        name: digest_of_bytes((result.folder / name).read_bytes())
        for name in ("rows.parquet", "dropped.parquet", "similar.parquet")
    }
    return digest_of([result.manifest.digest, result.card.digest, files, lists])


def end_after(processor_seconds: float) -> None:
    """Let this process end, once it has worked so long, between any two instructions: nobody catches SIGPROF."""
    signal.setitimer(signal.ITIMER_PROF, processor_seconds)


def serve(folder: Path) -> None:
    """Build for whoever asks on standard input, each time in a process of its own that is forked and may be ended.

    A line is a work folder and the processor seconds after which the build ends; 0 lets it be. Answered with how the
    process ended, the seconds that it worked, and what it built.
    """
    names = {(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    assert names <= {Path(sys.executable).name, *IDLE_THREADS}, f"a fork would lose threads of {names}, not their locks"
    for line in sys.stdin:
        work, seconds = line.split()
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(600)  # a lock that a lost thread holds would be waited for for ever
            if float(seconds):
                end_after(float(seconds))
            os.write(writer, outcome(build(folder, Path(work))).encode())
            os._exit(0)
        os.close(writer)
        _, status, used = os.wait4(child, 0)
        with os.fdopen(reader) as built:
            told = {"signal": os.WTERMSIG(status), "seconds": used.ru_utime + used.ru_stime, "built": built.read()}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def end_at(event: int) -> None:
    """Kill this process as SIGKILL does at the so many-th time that it opens, renames or removes a file."""
    seen = itertools.count(1)

    def look(name: str, _: object) -> None:
        if name in {"open", "os.rename", "os.remove"} and next(seen) == event:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


if __name__ == "__main__":
    reading.PIECE_BYTES = PIECE_BYTES
    if sys.argv[2] == "serve":
        serve(Path(sys.argv[1]))
        sys.exit()
    if len(sys.argv) > 3:
        end_at(int(sys.argv[3]))
    sys.stdout.write(outcome(build(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
