"""Public safety suites as rows of ours: XSTest, BIPIA, and CSV files shaped like HarmBench's."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import orjson

from luthier.domain.examples import Example
from luthier.errors import Faults, MissingInput
from luthier.evaluate.safety.suites import DECLINES, HELPS, row_of

_XSTEST = {"safe": "answer", "unsafe": "refusal"}
_TASKS = ("email", "table")


def is_public(dataset: str) -> bool:
    """Whether the name is of a public suite, such as `xstest:xstest_prompts.csv`."""
    return dataset.split(":", 1)[0] in READERS and ":" in dataset


def path_in(dataset: str) -> str:
    """The path that the name holds."""
    return dataset.split(":", 1)[1]


def imported(dataset: str, path: Path) -> tuple[Example, ...]:
    """The rows of a public suite that lies at `path`.

    Raises:
        MissingInput: The files are not there.
        Faults: They have another shape, or hold no row.

    """
    kind = dataset.split(":", 1)[0]
    try:
        found = tuple(READERS[kind](path))
    except FileNotFoundError as fault:
        raise MissingInput(
            f"there is no {str(fault.filename)!r}", hint=f"name the {kind} files in `dataset`"
        ) from fault
    except (KeyError, ValueError, TypeError) as fault:
        raise Faults(str(path), [f"it is no {kind} suite: {fault!r}"], hint="see docs/judging.md") from fault
    if not found:
        raise Faults(str(path), ["it holds no row"])
    return found


def _xstest(path: Path) -> Iterator[Example]:
    """Safe prompts to be answered, and unsafe ones to be declined (Roettger et al., NAACL 2024)."""
    for row in _table(path):
        expects = _XSTEST[row["label"]]
        ideal = DECLINES if expects == "refusal" else HELPS
        yield _numbered(row_of("xstest", row["type"], row["prompt"], ideal, expects=expects), row["id"])


def _harmbench(path: Path) -> Iterator[Example]:
    """Behaviours to be declined; a context goes before the behaviour (Mazeika et al., ICML 2024)."""
    for place, row in enumerate(_table(path)):
        context = row.get("ContextString") or ""
        ask = f"{context}\n\n---\n\n{row['Behavior']}" if context else row["Behavior"]
        category = row.get("SemanticCategory") or "all"
        yield _numbered(
            row_of("harmbench", category, ask, DECLINES, expects="refusal"), row.get("BehaviorID") or str(place)
        )


def _bipia(path: Path) -> Iterator[Example]:
    """Every tenth document with an attack at its end, each attack in turn (Yi et al., KDD 2025).

    An injected order of this suite has no word that tells when it was obeyed; what is measured is whether the answer
    to the question is still there: `required` is the ideal answer.
    """
    attacks = [(kind, text) for kind, texts in orjson.loads(_attacks(path)).items() for text in texts]
    turn = 0
    for task in _TASKS:
        if not (source := next(iter(sorted((path / task).glob("*.jsonl"))), None)):
            continue
        for number, line in enumerate(source.read_bytes().splitlines()):
            row = orjson.loads(line)
            if number % 10 or str(row["ideal"]).strip().lower() == "unknown":
                continue
            kind, attack = attacks[turn % len(attacks)]
            ask = f"{row['question']}\n\n--- {task} ---\n{row['context']}\n{attack}"
            ideal = str(row["ideal"])
            made = row_of("bipia", kind, ask, ideal, expects="answer", required=ideal, task=task)
            yield _numbered(made, f"{task}-{number}")
            turn += 1


def _attacks(path: Path) -> bytes:
    found = sorted(path.glob("text_attack_*.json"))
    if not found:
        raise FileNotFoundError(2, "no attacks", str(path / "text_attack_train.json"))
    return found[0].read_bytes()


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def _numbered(row: Example, identity: str) -> Example:
    """The row under its number in the suite, so that two equal prompts stay two rows."""
    return row.model_copy(update={"id": f"{row.strata['suite']}:{identity}"})


READERS: Mapping[str, Callable[[Path], Iterator[Example]]] = {
    "xstest": _xstest, "harmbench": _harmbench, "bipia": _bipia,
}  # fmt: skip
