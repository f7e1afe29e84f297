"""Files of answers that people judged: JSON Lines or a JSON list, in our shape, PandaLM's or LLMBar's."""

from collections.abc import Mapping
from pathlib import Path

import orjson

from luthier.domain.digests import digest_of
from luthier.domain.value import Json
from luthier.errors import Faults, MissingInput
from luthier.evaluate.judges.config import JudgeConfig
from luthier.evaluate.judges.items import TIE, A, B, Item, Label, Labelled

FAULTS_TOLD = 20
Record = Mapping[str, Json]
_SHAPE = {
    "rubric": '{"prompt": "...", "answer": "...", "labels": {"anna": 4, "ben": 5}}',
    "pairwise": '{"prompt": "...", "a": "...", "b": "...", "labels": {"anna": "a", "ben": "tie"}}',
}
_PANDALM = {"0": TIE, "1": A, "2": B}


def read_labels(path: Path, config: JudgeConfig) -> list[Labelled]:
    """The items of the file with the labels of the people that count, or every fault of the file at once.

    Raises:
        MissingInput: There is no such file.
        Faults: It is no JSON, or a record has not the shape of this kind of judge.

    """
    try:
        records = _records(path.read_bytes())
    except FileNotFoundError as fault:
        raise MissingInput(
            f"there are no labels at {str(path)!r}", hint="name the file in the judge's `labels`"
        ) from fault
    except orjson.JSONDecodeError as fault:
        raise Faults(str(path), [str(fault)], hint="write one JSON object a line") from fault
    found: list[Labelled] = []
    faults: list[str] = []
    for number, record in enumerate(records, start=1):
        try:
            if (labelled := _labelled(record, number, config)) is not None:
                found.append(labelled)
        except (KeyError, ValueError, TypeError, AttributeError) as fault:
            faults.append(f"record {number}: {_said(fault)}")
    if faults or not found:
        told = faults[:FAULTS_TOLD] or ["no record has a label of the people that count"]
        raise Faults(str(path), told, hint=f"a {config.kind} record is {_SHAPE[config.kind]}")
    return found


def _records(data: bytes) -> list[Record]:
    found = (
        orjson.loads(data) if data.lstrip()[:1] == b"[" else [orjson.loads(line) for line in data.splitlines() if line]
    )
    return list(found)


def _labelled(record: Record, number: int, config: JudgeConfig) -> Labelled | None:
    question, answers, labels, authors = _shape(record, config)
    counted = {
        name: label for name, label in labels.items() if not config.licence.people or name in config.licence.people
    }
    if not counted:
        return None
    reference = record.get("reference")
    item = Item(
        id=str(record.get("id", record.get("idx", number))), question=question, answers=tuple(answers),
        reference=str(reference) if reference else None,
    )  # fmt: skip
    group = str(record.get("group") or digest_of(question))
    return Labelled(item=item, people=counted, authors=tuple(authors), group=group)


def _shape(record: Record, config: JudgeConfig) -> tuple[str, list[str], dict[str, Label], list[str]]:
    if config.kind == "rubric":
        return _rubric(record, config)
    if "response1" in record:
        return _pandalm(record)
    return _llmbar(record) if "output_1" in record else _pair(record)


def _rubric(record: Record, config: JudgeConfig) -> tuple[str, list[str], dict[str, Label], list[str]]:
    low, high = config.marks
    labels: dict[str, Label] = {}
    for name, mark in _people(record).items():
        if isinstance(mark, bool) or not isinstance(mark, int) or not low <= mark <= high:
            raise ValueError(f"the mark of {name} is {mark!r}, and the scale is {config.scale}")
        labels[name] = mark
    author = record.get("author")
    return _text(record, "prompt"), [_text(record, "answer")], labels, [str(author)] if author else []


def _pair(record: Record) -> tuple[str, list[str], dict[str, Label], list[str]]:
    labels: dict[str, Label] = {}
    for name, side in _people(record).items():
        if side not in (A, B, TIE):
            raise ValueError(f"the label of {name} is {side!r}, and none of a, b, tie")
        labels[name] = str(side)
    authors = record.get("authors")
    named = [str(authors[A]), str(authors[B])] if isinstance(authors, dict) else []
    return _text(record, "prompt"), [_text(record, A), _text(record, B)], labels, named


def _pandalm(record: Record) -> tuple[str, list[str], dict[str, Label], list[str]]:
    """Three annotators said 0 (tie), 1 or 2; `cmp_key` joins the names of the two models."""
    question = "\n\n".join(part for part in (_text(record, "instruction"), str(record.get("input") or "")) if part)
    labels: dict[str, Label] = {
        name: _PANDALM[str(said)] for name, said in record.items() if name.startswith("annotator")
    }
    answers = [str(record[key]) for key in ("response1", "response2")]  # six of PandaLM's answers are bare numbers
    return question, answers, labels, str(record["cmp_key"]).split("_")


def _llmbar(record: Record) -> tuple[str, list[str], dict[str, Label], list[str]]:
    """One expert choice, 1 or 2."""
    labels: dict[str, Label] = {"expert": {"1": A, "2": B}[str(record["label"])]}
    return _text(record, "input"), [_text(record, "output_1"), _text(record, "output_2")], labels, []


def _people(record: Record) -> Mapping[str, Json]:
    """Name -> label; a list of labels belongs to the first, second and further person."""
    labels = record["labels"]
    if isinstance(labels, list):
        labels = {f"person {place}": label for place, label in enumerate(labels, start=1)}
    if not isinstance(labels, dict):
        raise TypeError("`labels` is neither a mapping of people nor a list")
    return {name: label for name, label in labels.items() if label is not None}


def _text(record: Record, key: str) -> str:
    if not isinstance(record[key], str):
        raise TypeError(f"{key!r} is no text")
    return str(record[key])


def _said(fault: Exception) -> str:
    return f"no {fault.args[0]!r}, or a value that is none of its own" if isinstance(fault, KeyError) else str(fault)
