"""Lists that are read from other public data: surnames, companies, and clauses in which nobody is named."""

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

_SURNAME = re.compile(r"\b(?:Mr|Mrs|Miss|Captain|Lord|Lady|Colonel|Doctor|Sir)\.? ([A-Z][a-zà-ÿ]{3,12})\b(?! of)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = r"(?:[a-z][a-z']*(?:-[a-z]+)?|I(?:'(?:m|ve|ll|d))?|\d{1,4})"
_CLAUSE = re.compile(rf"(?:[A-Z]?[a-z']+|I(?:'(?:m|ve|ll|d))?)(?:,? {_WORD}){{3,16}}[.?!]?")
BOOKS = 80
CLAUSES_OF_BOOKS, CLAUSES_OF_TALK = 30_000, 50_000


@dataclass(frozen=True)
class Derived:
    """What the other data sets gave."""

    surnames: tuple[str, ...]
    companies: tuple[str, ...]
    clauses: tuple[str, ...]
    common: frozenset[str]
    """Words that books often write in small letters."""


def derive(data: Path, names: set[str]) -> Derived:
    """Lists from `data`; a clause that holds one of `names` in small letters, such as a city, is left out."""
    books = list(_books(data))
    surnames = Counter(found for text in books for found in _SURNAME.findall(text))
    common = Counter(word for text in books for word in re.findall(r"\b[a-z]{3,}\b", text))
    rare = {name.lower() for name in names} - {word for word, count in common.items() if count > 40}

    def plain(texts: Iterable[str], most: int) -> list[str]:
        """At most `most` clauses of `texts` that begin with a common word and hold no name."""
        clauses = sorted({
            found
            for text in texts
            for found in _clauses(text)
            if common[re.split(r"\W", found.lower())[0]] > 40 and not rare & set(re.findall(r"[a-z]+", found.lower()))
        })  # fmt: skip
        return Random(0).sample(clauses, min(len(clauses), most))

    return Derived(
        surnames=tuple(sorted(name for name, count in surnames.items() if count > 3 and not common[name.lower()])),
        companies=tuple(sorted(_companies(data))),
        clauses=(*plain(books, CLAUSES_OF_BOOKS), *plain(_chats(data), CLAUSES_OF_TALK)),
        common=frozenset(word for word, count in common.items() if count > 40),
    )


def _books(data: Path) -> Iterator[str]:
    with gzip.open(data / "books" / "books.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number >= BOOKS:
                return
            yield " ".join(next(v for v in json.loads(line).values() if isinstance(v, str) and len(v) > 1000).split())


def _chats(data: Path) -> Iterator[str]:
    """What people write to each other and to machines, and what they read at work."""
    with (data / "banking77" / "banking_data" / "train.csv").open(encoding="utf-8") as file:
        yield from (row["text"] for row in csv.DictReader(file))
    for path in sorted((data / "handbook_18f").rglob("*.md")) + sorted((data / "basecamp_policies").rglob("*.md")):
        yield " ".join(path.read_text(encoding="utf-8").split())
    for rows in json.loads((data / "clinc150" / "data_full_no_test.json").read_text(encoding="utf-8")).values():
        yield from (text for text, _ in rows)
    for row in _rows(data / "hh_rlhf" / "harmless-base" / "test.jsonl.gz"):
        yield from re.split(r"\s*(?:Human|Assistant):\s*|\n+", row["chosen"])
    for row in _rows(data / "star" / "dialogues.jsonl.gz"):
        yield from (event["Text"] for event in row["Events"] if event["Action"] == "utter")
    for row in _rows(data / "medquad" / "qa.jsonl.gz"):
        yield " ".join(row["answer"].split())
    for row in _rows(data / "gsm8k" / "train.jsonl"):
        yield row["question"]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _clauses(text: str) -> Iterator[str]:
    """Whole sentences of plain words, with no capital after the first one."""
    return (sentence for sentence in _SENTENCE.split(text) if _CLAUSE.fullmatch(sentence))


def _companies(data: Path) -> Iterator[str]:
    with (data / "cuad" / "master_clauses.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name in re.findall(r"'([^']{3,50})'", row["Parties"]):
                clean = name.strip(' .,;"“”')
                if re.search(
                    r"(?i)\b(inc|ltd|llc|corp|company|co|gmbh|limited|bank|group|plc|s\.a)\b", clean
                ) and not re.search(r"[()<>\"]|^the ", clean):
                    yield clean
