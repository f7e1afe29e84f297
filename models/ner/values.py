"""One value of each kind: names, places, addresses, organisations and what stands between them."""

import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

import yaml

from models.ner.derive import Derived

LISTS = Path(__file__).parent / "lists"
WORDS: dict[str, list[str]] = yaml.load((LISTS / "words.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
T = TypeVar("T")
Piece = tuple[str, str]
"""A text and its label; an empty label for what is no entity."""


def read_lists(name: str, separator: str | None) -> dict[str, list[list[str]]]:
    """Lines `kind | values | values` of a list file."""
    lines = (LISTS / name).read_text(encoding="utf-8").splitlines()
    parts = [[part.strip() for part in line.split("|")] for line in lines]
    return {head: [[v.replace("_", " ") for v in values.split(separator)] for values in rest] for head, *rest in parts}


NAMES = read_lists("names.txt", None)
PLACES = {kind: values for kind, (values,) in read_lists("places.txt", ";").items()}
ORGS = {kind: values for kind, (values,) in read_lists("organisations.txt", ";").items()}
GIVEN, SURNAMES, TOWNS = (
    [name for line in (LISTS / name).read_text(encoding="utf-8").splitlines() for name in line.split(";")]
    for name in ("given.txt", "surnames.txt", "towns.txt")
)
"""Names of the US census of 1990 and towns of GeoNames: `gather.py`."""

LISTED: tuple[list[str], ...] = (
    [*GIVEN, *(name for given, _ in NAMES.values() for name in given)],
    [*SURNAMES, *(name for _, family in NAMES.values() for name in family)],
    [*TOWNS, *PLACES["city"]],
    [*PLACES["country"], *PLACES["region"]],
)
"""What the tagger is told of a word: whether it stands in each of these lists."""

CULTURES = [*NAMES, *["american"] * 8, *["english"] * 3, *["german", "french", "italian", "spanish"] * 2]


_ENGLISH = {"american", "english"}


class Coiner:
    """New words that are spelt like those it was shown, letter by letter."""

    def __init__(self, words: Sequence[str]) -> None:
        self._next: dict[str, Counter[str]] = defaultdict(Counter)
        for word in words:
            padded = f"^^^{word}$"
            for place in range(3, len(padded)):
                self._next[padded[place - 3 : place]][padded[place]] += 1

    def __call__(self, random: Random) -> str:
        """A word of 3 to 14 characters."""
        for _ in range(20):
            word = "^^^"
            while not word.endswith("$") and len(word) < 20:
                follow = self._next[word[-3:]]
                word += random.choices(list(follow), list(follow.values()))[0]
            if 3 <= len(word) - 4 <= 14 and word.endswith("$"):
                return word[3:-1]
        return "Mara"


@dataclass
class Values:
    """Values drawn from one source of chance; a share of the names is coined, so that spelling alone must do."""

    random: Random
    derived: Derived
    coined: float = 0.4
    _coiners: dict[str, Coiner] = field(default_factory=dict)

    def _coin(self, key: str, words: Sequence[str]) -> str:
        key = f"{key} {len(words)}"
        if key not in self._coiners:
            self._coiners[key] = Coiner(words)
        return self._coiners[key](self.random)

    def pick(self, words: Sequence[T]) -> T:
        """One of `words`."""
        return words[int(self.random.random() * len(words))]

    def chance(self, share: float) -> bool:
        """True in `share` of the calls."""
        return self.random.random() < share

    def first(self, culture: str = "") -> str:
        """A given name, sometimes a double one."""
        culture = culture or self.pick(CULTURES)
        given = NAMES[culture][0] if culture not in _ENGLISH or self.chance(0.4) else GIVEN
        name = self._coin(f"given {culture}", given) if self.chance(self.coined) else self.pick(given)
        return f"{name}-{self.pick(given)}" if self.chance(0.02) else name

    def last(self, culture: str = "") -> str:
        """A family name."""
        culture = culture or self.pick(CULTURES)
        if culture in _ENGLISH and self.chance(0.1):
            return self.pick(self.derived.surnames)
        family = NAMES[culture][1] if culture not in _ENGLISH or self.chance(0.3) else SURNAMES
        name = self._coin(f"family {culture}", family) if self.chance(self.coined) else self.pick(family)
        return f"{name}-{self.pick(family)}" if self.chance(0.03) else name

    def full(self) -> str:
        """A whole name in one of the usual orders."""
        culture = self.pick(CULTURES)
        other = culture if self.chance(0.7) else self.pick(CULTURES)
        first, last, initial = self.first(culture), self.last(other), self.pick(string.ascii_uppercase)
        forms = [f"{first} {last}"] * 10 + [f"{first} {initial}. {last}", f"{first} {initial} {last}"] * 1
        forms += [f"{first} {self.first(culture)} {last}", f"{initial}. {last}", f"{first} {last} {self.last(culture)}"]
        forms += [f"{first} {last}{self.pick([' ', ', '])}{self.pick(WORDS['suffixes'])}"] if self.chance(0.3) else []
        return self.pick(forms)

    def person(self) -> str:
        """A name as people are called: whole, or one part of it."""
        return self.pick([self.full, self.full, self.full, self.first, self.first, self.last])()

    def city(self) -> str:
        """A town, real or coined."""
        if not self.chance(self.coined):
            return self.pick(PLACES["city"] if self.chance(0.5) else TOWNS)
        stem = (
            self._coin("city", PLACES["city"] if self.chance(0.5) else TOWNS)
            if self.chance(0.85)
            else self.last("english")
        )
        if self.chance(0.3):
            stem = re.sub(r"[aeiou]?$", "", stem) + self.pick(WORDS["place_ends"])
        return f"{self.pick(WORDS['place_heads'])} {stem}" if self.chance(0.25) else stem

    def place(self) -> str:
        """A town, country, region or landmark."""
        kind = self.random.random()
        if kind < 0.5:
            return self.city()
        return self.pick(PLACES["country" if kind < 0.8 else "region" if kind < 0.95 else "natural"])

    def org(self) -> str:
        """An organisation, named in one of the usual ways."""
        return self.pick(_ORGANISATIONS)(self)

    def date(self) -> str:
        """A day in one of many notations."""
        day, month, year = self.random.randint(1, 28), self.random.randint(1, 12), self.random.randint(1930, 2027)
        name = WORDS["months"][month - 1]
        return self.pick([
            f"{year}-{month:02d}-{day:02d}", f"{month}/{day}/{year}", f"{day:02d}.{month:02d}.{year}", f"{name} {year}",
            f"{day} {name} {year}", f"{name} {day}, {year}", f"{name[:3]} {day}",
            f"{day:02d}/{month:02d}/{year % 100:02d}",
        ])  # fmt: skip

    def digits(self, pattern: str) -> str:
        """`pattern` with a digit for each `9` and a capital for each `A`."""
        swap = {"9": lambda: self.pick(string.digits), "A": lambda: self.pick(string.ascii_uppercase)}
        return "".join(swap[char]() if char in swap else char for char in pattern)


def _family_firm(values: Values) -> str:
    tail = values.pick(["and Sons", "& Sons", f"& {values.last()}", f"and {values.last()}", "Group", "LLC", "Inc"])
    more = f", {values.last()}" if values.chance(0.3) else f"-{values.last()}" if values.chance(0.2) else ""
    return f"{values.last()}{more} {tail}"


def _brand(values: Values) -> str:
    head = values._coin("city", PLACES["city"]) if values.chance(0.6) else values.pick(ORGS["head"])
    head += values.pick(["", "", "", "ix", "ora", "tech", "soft", "com", "net", "ex", "on", "ify", "ly", "gen", "max"])
    return head.upper() if values.chance(0.1) else head


def _firm(values: Values) -> str:
    head = values.pick([values.pick(ORGS["head"]), _brand(values), values.city(), values.pick(PLACES["nationality"])])
    middle = f" {values.pick(ORGS['tail'])}" if values.chance(0.8) else ""
    end = values.pick(["", "", " " + values.pick(ORGS["suffix"]), ", " + values.pick(ORGS["suffix"])])
    second = f" {values.pick(ORGS['tail'])}" if values.chance(0.25) else ""
    return f"{head}{second}{middle}{end or ('' if middle else ' ' + values.pick(ORGS['suffix']))}"


def _institution(values: Values) -> str:
    kind = values.pick(
        ["University", "College", "Bank", "Museum", "Institute", "Ministry", "Church", "Chamber", "School"]
    )
    whose = values.pick(
        [values.place(), values.place(), "Art", "Technology", "Health", "Finance", "Commerce", "Science"]
    )
    return values.pick(
        [f"{kind} of {whose}", f"{values.city()} {kind}", f"{values.full()} {values.pick(ORGS['tail'])}"]
    )


def _short(values: Values) -> str:
    letters = "".join(values.pick(string.ascii_uppercase) for _ in range(values.random.randint(2, 5)))
    return values.pick(
        [letters, letters, f"{letters} {values.pick(ORGS['tail'])}", f"{letters} {values.pick(ORGS['suffix'])}"]
    )


def _two_words(values: Values) -> str:
    nouns = [str(noun).capitalize() for noun in WORDS["nouns"]]
    return values.pick([
        f"{values.pick(ORGS['head'])} {values.pick(nouns)}", f"The {values.pick(nouns)} {values.pick(ORGS['tail'])}",
        f"{values.pick(nouns)}{values.pick(nouns).lower()}", f"{values.pick(nouns)} {values.pick(ORGS['tail'])}",
        f"{values.last()} {values.pick(ORGS['tail'])}", f"{values.last()}'s",
        f"{values.pick(nouns)}.com", f"{values.pick(nouns)} & {values.pick(nouns)}",
    ])  # fmt: skip


_ORGANISATIONS: list[Callable[[Values], str]] = [
    _family_firm, _firm, _firm, _firm, _brand, _brand, _institution, _short, _two_words, _two_words,
    lambda values: values.pick(ORGS["known"]), lambda values: values.pick(ORGS["known"]),
    lambda values: values.pick(values.derived.companies),
]  # fmt: skip
