"""Made-up names and values, so that an answer can be copied but never remembered."""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

FRAMES: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "drills.yaml").read_text(encoding="utf-8"))
ONSETS, VOWELS, ACCENTED, CODAS = (FRAMES["spelling"][part] for part in ("onsets", "vowels", "accented", "codas"))
MONTHS, DAYS, RELATIVE = (FRAMES["calendar"][part] for part in ("months", "days", "relative"))
SMALL, LINKS = FRAMES["small_numbers"], FRAMES["links"]


@dataclass(frozen=True)
class Words:
    """A source of made-up words and values, the same for the same `random` state.

    `pieces` are the letter-only entries of the vocabulary, `phrases` are short runs of words from the prose, and
    `room_tokens` is about how long a drill may become.
    """

    random: Random
    pieces: Sequence[str]
    phrases: Sequence[str]
    room_tokens: int = 320
    kinds: dict[str, Callable[[], str]] = field(init=False)

    def __post_init__(self) -> None:
        kinds = {
            "name": self.name,
            "title": self.title,
            "phrase": self.phrase,
            "lower": self.lower,
            "number": self.number,
            "date": self.date,
            "time": self.time,
            "email": self.email,
            "ident": self.ident,
        }
        object.__setattr__(self, "kinds", kinds)

    def value(self, kind: str | None = None) -> str:
        """One value of `kind`, or of a kind drawn at random."""
        return self.kinds[kind or self.random.choice(list(self.kinds))]()

    def syllables(self, least: int = 1, most: int = 3) -> str:
        """A pronounceable lower-case word that is in no dictionary on purpose."""
        pick = self.random.choice
        word = ""
        for _ in range(self.random.randint(least, most)):
            vowel = pick(ACCENTED) if self.random.random() < 0.03 else pick(VOWELS)
            word += pick(ONSETS) + vowel + (pick(CODAS) if self.random.random() < 0.4 else "")
        return word

    def pieced(self) -> str:
        """One to three vocabulary pieces run together, so that every piece is copied about equally often."""
        return "".join(self.random.choice(self.pieces) for _ in range(self.random.choice((1, 1, 2, 2, 3))))

    def word(self) -> str:
        """One word in lower case."""
        return self.syllables() if self.random.random() < 0.4 else self.pieced().lower()

    def key(self) -> str:
        """A made-up JSON key such as `drovel_kin`."""
        if self.random.random() < 0.4:
            return self.pieced().lower()
        glue = self.random.choice(("_", "_", "-", "."))
        return glue.join(self.syllables(1, 2) for _ in range(self.random.choice((1, 1, 1, 2))))

    def tool(self) -> str:
        """A made-up tool name in one of the usual spellings."""
        parts = [self.syllables(1, 2) if self.random.random() < 0.5 else self.pieced().lower() for _ in range(2)]
        style = self.random.random()
        if style < 0.5:
            return "_".join(parts)
        if style < 0.8:
            return "".join(part.capitalize() for part in parts)
        return parts[0]

    def name(self) -> str:
        """A made-up person, in title case as a rule."""
        parts = [self.word().capitalize() for _ in range(self.random.choice((1, 2, 2, 2, 3)))]
        if self.random.random() < 0.06:
            parts[-1] = self.random.choice(("O'", "Mc", "D'")) + parts[-1]
        if self.random.random() < 0.08:
            parts.insert(0, self.random.choice(("Dr.", "Mrs.", "Mr.", "Captain")))
        text = " ".join(parts)
        return text.lower() if self.random.random() < 0.12 else text

    def title(self) -> str:
        """A made-up place, ship or company name of one to four words."""
        parts = [self.word().capitalize() for _ in range(self.random.choice((1, 1, 2, 2, 3)))]
        if len(parts) > 1 and self.random.random() < 0.25:
            parts.insert(1, self.random.choice(LINKS[:6]))
        if self.random.random() < 0.1:
            parts.append(self.random.choice(("Ltd", "& Sons", "No. " + self.number(), "GmbH", "II", "Co.")))
        text = " ".join(parts)
        return text.lower() if self.random.random() < 0.2 else text

    def phrase(self) -> str:
        """A lower-case run of one to three words, real or made up."""
        if self.random.random() < 0.5:
            return " ".join(self.word() for _ in range(self.random.choice((1, 2, 2, 3))))
        return " ".join(self.random.choice(self.phrases).split()[: self.random.choice((1, 2, 3))])

    def lower(self) -> str:
        """A long title as people type it: two to seven words, often without capitals, sometimes with an apostrophe."""
        words = self.random.choice(self.phrases).split()[: self.random.randint(2, 6)]
        for place in range(len(words)):
            if self.random.random() < 0.35:
                words[place] = self.word()
        if self.random.random() < 0.12:
            words[0] += self.random.choice(("'s", "'", "!", ":", ",", "."))
        if self.random.random() < 0.1:
            words.append(self.number())
        text = " ".join(words)
        return text.title() if self.random.random() < 0.35 else text

    def number(self) -> str:
        """A whole or decimal number, sometimes in words."""
        style = self.random.random()
        if style < 0.15:
            return str(self.random.choice(SMALL))
        if style < 0.25:
            return f"{self.random.randint(1, 999)}.{self.random.randint(0, 99)}"
        if style < 0.35:
            return f"{self.random.randint(1000, 999999):,}"
        return str(self.random.randint(1, 10 ** self.random.randint(1, 5)))

    def date(self) -> str:
        """A day in one of the ways people write it."""
        day, month = self.random.randint(1, 28), self.random.choice(MONTHS)
        year = self.random.randint(1950, 2049)
        forms = (
            f"{year}-{MONTHS.index(month) + 1:02d}-{day:02d}",
            f"{day} {month}",
            f"{month} {day}",
            f"{month} {day}, {year}",
            f"{day}.{MONTHS.index(month) + 1}.{year}",
            self.random.choice(DAYS),
            "next " + self.random.choice(DAYS),
            self.random.choice(RELATIVE),
            f"{month} the {day}th",
        )
        return self.random.choice(forms)

    def time(self) -> str:
        """An hour of the day."""
        hour, minute = self.random.randint(0, 23), self.random.randint(0, 59)
        forms = (
            f"{hour:02d}:{minute:02d}",
            f"{hour % 12 + 1} pm",
            f"{hour % 12 + 1}:{minute:02d} am",
            "noon",
            "midnight",
        )
        return self.random.choice(forms)

    def email(self) -> str:
        """An address at a made-up host."""
        dot = self.random.choice((".", "_", "-", ""))
        user = self.word() + (dot + self.word() if self.random.random() < 0.6 else "")
        return f"{user}@{self.word()}.{self.random.choice(('com', 'org', 'net', 'io', 'de', 'example', 'co'))}"

    def ident(self) -> str:
        """A code such as `A-3391`, `kb_204` or `7F2C`."""
        digits = "".join(self.random.choice(string.digits) for _ in range(self.random.randint(2, 6)))
        letters = "".join(self.random.choice(string.ascii_uppercase) for _ in range(self.random.randint(1, 3)))
        forms = (
            f"{letters}-{digits}",
            f"{letters}{digits}",
            f"{self.word()}_{digits}",
            f"{self.word()}-{digits}",
            f"{digits}{letters}",
            f"{letters}-{digits[:2]}-{digits[1:]}",
            f"#{digits}",
            digits,
        )
        return self.random.choice(forms)
