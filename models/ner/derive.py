"""Lists that are read from other public data: surnames, companies, and clauses in which nobody is named."""

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

_SURNAME = re.compile(r"\b(?:Mr|Mrs|Miss|Captain|Lord|Lady|Colonel|Doctor|Sir)\.? ([A-Z][a-zà-ÿ]{3,12})\b(?! of)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_CLAUSE = re.compile(r"(?:[A-Z]?[a-z']+|I)(?:,? (?:[a-z][a-z']*|I)){3,16}[.?!]")
BOOKS = 60


@dataclass(frozen=True)
class Derived:
    """What the other data sets gave."""

    surnames: tuple[str, ...]
    companies: tuple[str, ...]
    clauses: tuple[str, ...]


def derive(data: Path, names: set[str]) -> Derived:
    """Lists from `data`; a clause that holds one of `names` in small letters, such as a city, is left out."""
    books = list(_books(data))
    surnames = Counter(found for text in books for found in _SURNAME.findall(text))
    common = Counter(word for text in books for word in re.findall(r"\b[a-z]{3,}\b", text))
    rare = {name.lower() for name in names} - {word for word, count in common.items() if count > 40}
    clauses = sorted(
        {
            found
            for text in (*books, *_chats(data))
            for found in _clauses(text)
            if common[re.split(r"\W", found.lower())[0]] > 40 and not rare & set(re.findall(r"[a-z]+", found.lower()))
        }
    )
    return Derived(
        surnames=tuple(sorted(name for name, count in surnames.items() if count > 3 and not common[name.lower()])),
        companies=tuple(sorted(_companies(data))),
        clauses=tuple(Random(0).sample(clauses, min(len(clauses), 40_000))),
    )


def _books(data: Path) -> Iterator[str]:
    with gzip.open(data / "books" / "books.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number >= BOOKS:
                return
            yield " ".join(next(v for v in json.loads(line).values() if isinstance(v, str) and len(v) > 1000).split())


def _chats(data: Path) -> Iterator[str]:
    with (data / "banking77" / "banking_data" / "train.csv").open(encoding="utf-8") as file:
        yield from (row["text"] for row in csv.DictReader(file))
    for path in sorted((data / "handbook_18f").rglob("*.md")) + sorted((data / "basecamp_policies").rglob("*.md")):
        yield " ".join(path.read_text(encoding="utf-8").split())


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
