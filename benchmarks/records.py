"""Chat records made from real text, with planted duplicates whose truth is known: what the data benchmarks run on.

    python benchmarks/records.py --rows 100000 --out DIR [--seed 20261123]

Writes DIR/records.jsonl (OpenAI chat form with `id` and `metadata`, about 840 bytes a record) and DIR/truth.parquet
(`row`: 0-based line of a planted duplicate; `of`: line of the earlier record that it repeats; `kind`: exact, edited,
swapped or paraphrased). Text comes from the books, medquad, star and self_instruct of LUTHIER_REAL_DATA (default
../shared/data). Record `n` depends on the seed and `n` alone, so that the first 10,000 of a million are the 10,000.

Of 1,000 records about 50 repeat another one exactly but for case, spacing and width; 40 with one word in 40 replaced,
left out, put in or misspelt; 20 with neighbouring words swapped; 20 reworded by the rules below. A fifth of them repeat
one of few originals, which gives clusters. One record in twelve is a short one from a template; that these look alike
is not planted, nor is a sentence that two records happen to share. Two questions in a hundred are one of some 25,000
openings and nothing else, so that among a million rows some ask the same and are answered differently; all others say
two sentences about their case first.
"""

import argparse
import gzip
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", HERE.parents[1] / "shared" / "data"))
SEED = 20_261_123
TRUTH = pa.schema([("row", pa.int64()), ("of", pa.int64()), ("kind", pa.string())])

Kind = Literal["exact", "edited", "swapped", "paraphrased"]
Turns = list[list[str]]
"""Role and content of each message."""

_SHARES: tuple[tuple[Kind, float], ...] = (
    ("exact", 0.05),
    ("edited", 0.04),
    ("swapped", 0.02),
    ("paraphrased", 0.02),
)
_OWN_QUESTIONS = 0.98
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])[\"\u201d]?\s+(?=[\"\u201cA-Z])")
_REWORDINGS = (
    ("I am", "I'm"), ("do not", "don't"), ("did not", "didn't"), ("it is", "it's"), ("could not", "couldn't"),
    ("cannot", "can't"), ("was not", "wasn't"), ("I would like", "I want"), ("have to", "must"), ("about", "around"),
    ("began", "started"), ("large", "big"), ("small", "little"), ("because", "since"), ("however", "but"),
    ("however,", "but"), ("perhaps", "maybe"), ("also", "too"), ("many", "a lot of"), ("often", "frequently"),
    ("usually", "as a rule"), ("quickly", "fast"), ("shall", "will"), ("upon", "on"), ("until", "till"),
    ("replied", "answered"), ("help", "assist"), ("doctor", "physician"), ("disease", "illness"),
    ("treatment", "therapy"), ("symptoms", "signs"), ("children", "kids"), ("buy", "purchase"), ("get", "obtain"),
    ("need", "require"), ("show", "indicate"), ("nearly", "almost"), ("whole", "entire"), ("answer", "reply"),
    ("sure", "certain"), ("And", "Besides,"), ("But", "Yet"), ("said", "remarked"), ("which", "that"),
    ("may", "might"), ("such", "this kind of"), ("found", "discovered"), ("great", "considerable"), ("old", "aged"),
)  # fmt: skip
_REWORD = {
    one.lower(): other for pair in _REWORDINGS for one, other in (pair, pair[::-1]) if " " not in one
}  # a phrase is only ever written, never looked for
_OPENINGS = ("", "Hello, ", "Hi there. ", "Good morning! ", "Quick question: ", "Hey, ", "Please help me. ")
_CLOSINGS = ("", "", " Thanks!", " Many thanks in advance.", " Could you look into it?", " Best regards")
_NAMES = ("Alexis Moreno", "Jörg Weiß", "Priya Natarajan", "Tom O'Neill", "Zoë Lindqvist", "Mei-Ling Chen", "Ana Souza")
_DEEDS = ("refund", "book a ride", "reschedule the visit", "cancel the order", "check my balance", "report a fault")


@dataclass(frozen=True)
class Corpus:
    """Sentences in their order, and what people open a conversation with."""

    sentences: list[str]
    openings: list[str]


def main() -> None:
    """Write the records and their truth."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, required=True, help="1 to 1,000,000")
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--seed", type=int, default=SEED)
    chosen = asked.parse_args()
    if not 1 <= chosen.rows <= 1_000_000:
        asked.error(f"--rows {chosen.rows} is not between 1 and 1,000,000")
    write(chosen.out, chosen.rows, chosen.seed)


def write(out: Path, rows: int, seed: int = SEED) -> None:
    """DIR/records.jsonl and DIR/truth.parquet; memory does not grow with `rows`, but for the truth."""
    out.mkdir(parents=True, exist_ok=True)
    maker = Maker(corpus(), seed)
    truth: list[tuple[int, int, Kind]] = []
    with (out / "records.jsonl").open("wb") as file:
        for row in range(rows):
            record, planted = maker.record(row)
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            if planted:
                truth.append((row, *planted))
    columns = list(zip(*truth, strict=True)) or [(), (), ()]
    pq.write_table(pa.table([pa.array(c, t.type) for c, t in zip(columns, TRUTH, strict=True)], schema=TRUTH),
                   out / "truth.parquet")  # fmt: skip


def corpus() -> Corpus:
    """All sentences of 20 to 320 characters, and all questions and user turns of 20 to 400."""
    sentences, openings = [], []
    for book in _lines("books/books.jsonl.gz"):
        sentences += _sentences(book["text"])
    for row in _lines("medquad/qa.jsonl.gz"):
        sentences += _sentences(row["answer"] or "")
        openings.append(row["question"])
    for dialogue in _lines("star/dialogues.jsonl.gz"):
        told = [e for e in dialogue["Events"] if e["Action"] == "utter" and e["Agent"] == "User"]
        openings += [" ".join(f"{one['Text']} {other['Text']}".split()) for one, other in pairwise(told)]
    for task in _lines("self_instruct/user_oriented_instructions.jsonl"):
        openings.append(f"{task['instruction']} {task['instances'][0]['input']}".strip())
    return Corpus(sentences, sorted({text for text in openings if 20 <= len(text) <= 400}))


class Maker:
    """Records by number; the same number always gives the same record."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self._corpus, self._seed = corpus, seed

    def record(self, row: int) -> tuple[dict[str, object], tuple[int, Kind] | None]:
        """The record, and which earlier one it repeats how."""
        rng = self._rng(row, "plant")
        kind = _drawn_kind(rng) if row >= 10 else None
        of = self._an_original(rng, row) if kind else None
        if kind is None or of is None:
            return self._written(row, row, self._original(row)), None
        return self._written(row, of, _REPEAT[kind](rng, self._original(of))), (of, kind)

    def _an_original(self, rng: Random, row: int) -> int | None:
        for _ in range(20):
            drawn = rng.randrange(row)
            drawn -= drawn % 200 if rng.random() < 0.2 else 0
            if drawn < 10 or _drawn_kind(self._rng(drawn, "plant")) is None:
                return drawn
        return None

    def _rng(self, row: int, what: str) -> Random:
        return Random(f"{self._seed} {what} {row}")

    def _original(self, row: int) -> Turns:
        rng = self._rng(row, "text")
        shape = rng.random()
        if shape < 1 / 12:
            return self._short(rng)
        rounds = 1 if shape < 0.75 else rng.choice((2, 2, 3))
        turns = [["system", "You are a careful assistant of Northwind Services."]] if rng.random() < 0.3 else []
        for _ in range(rounds):
            turns += [["user", self._question(rng)], ["assistant", self._answer(rng, rounds)]]
        return turns

    def _question(self, rng: Random) -> str:
        asked = rng.choice(self._corpus.openings)
        if rng.random() < _OWN_QUESTIONS:
            asked = f"{rng.choice(self._corpus.sentences)} {rng.choice(self._corpus.sentences)} {asked}"
        text = rng.choice(_OPENINGS) + asked + rng.choice(_CLOSINGS)
        if rng.random() < 0.1:
            name = rng.choice(_NAMES)
            mail = name.split()[0].lower() + f".{rng.randrange(10_000)}@example.com"
            text += f"\n\n{name}, {mail}, +1 555 {rng.randrange(100, 1000)} {rng.randrange(10_000):04d}"
        return text

    def _answer(self, rng: Random, rounds: int) -> str:
        budget = rng.triangular(30, 660, 120) / rounds
        pieces: list[str] = []
        while sum(map(len, pieces)) < budget:
            start = rng.randrange(len(self._corpus.sentences) - 3)
            pieces += self._corpus.sentences[start : start + rng.choice((1, 2, 3))]
        return " ".join(pieces)

    def _short(self, rng: Random) -> Turns:
        code, deed = f"{rng.choice('ABKQX')}-{rng.randrange(10**7):07d}", rng.choice(_DEEDS)
        asked = f"{rng.choice(_OPENINGS)}I want to {deed}, my reference is {code}."
        call = {"name": deed.replace(" ", "_"), "arguments": {"reference": code}}
        return [["user", asked], ["assistant", orjson.dumps(call).decode()]]

    def _written(self, row: int, text_of: int, turns: Turns) -> dict[str, object]:
        rng = self._rng(text_of, "metadata")
        return {
            "id": f"r{row:07d}",
            "messages": [{"role": role, "content": content} for role, content in turns],
            "metadata": {
                "customer_id": f"c{rng.randrange(200_000):06d}",
                "topic": rng.choice(("billing", "health", "travel", "reading", "account", "other")),
                "date": f"202{rng.randrange(4, 7)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}",
            },
        }


def _exact(rng: Random, turns: Turns) -> Turns:
    changes: tuple[Callable[[str], str], ...] = (
        str,
        str.upper,
        str.lower,
        lambda text: text.replace(" ", "  "),
        lambda text: f" {text}\n",
        lambda text: text.replace(" ", "\u00a0", 3),
        lambda text: text.translate(_WIDE),
    )
    change = rng.choice(changes)
    return [[role, change(content)] for role, content in turns]


def _edited(rng: Random, turns: Turns) -> Turns:
    deeds: tuple[Callable[[str], list[str]], ...] = (
        lambda _: [],
        lambda word: [word, "really"],
        lambda word: [word[:1] + word[2:] + word[1:2]],
        lambda word: [word + "s"],
        lambda _: ["something"],
    )
    return _at_words(rng, turns, 40, lambda words, at: words[at : at + 1] and rng.choice(deeds)(words[at]), 1)


def _swapped(rng: Random, turns: Turns) -> Turns:
    return _at_words(rng, turns, 50, lambda words, at: words[at : at + 2][::-1], 2)


def _at_words(
    rng: Random, turns: Turns, one_in: int, change: Callable[[list[str], int], list[str]], width: int
) -> Turns:
    """The turns with one to (words / one_in) places changed, of the user's and the assistant's words."""
    changed = [turn[:] for turn in turns]
    total = sum(len(content.split(" ")) for _, content in turns)
    for _ in range(rng.randint(1, max(1, total // one_in))):
        turn = rng.choice([t for t in changed if t[0] != "system"])
        words = turn[1].split(" ")
        at = rng.randrange(max(1, len(words) - width))
        turn[1] = " ".join([*words[:at], *change(words, at), *words[at + width :]]) or turn[1]
    return changed


def _paraphrased(rng: Random, turns: Turns) -> Turns:
    def reword(text: str) -> str:
        words = [_REWORD.get(word.lower(), word) if rng.random() < 0.8 else word for word in text.split(" ")]
        sentences = _SENTENCE_ENDS.split(" ".join(words))
        if len(sentences) > 2 and rng.random() < 0.5:
            at = rng.randrange(len(sentences) - 1)
            sentences[at : at + 2] = sentences[at : at + 2][::-1]
        return " ".join(sentences)

    told = [[role, content if role == "system" else reword(content)] for role, content in turns]
    first = next(turn for turn in told if turn[0] == "user")
    first[1] = rng.choice(("I was wondering: ", "Can you tell me this? ", "One thing: ")) + first[1]
    return told


_WIDE = {code: code + 0xFEE0 for code in range(ord("0"), ord("9") + 1)}
_REPEAT: dict[Kind, Callable[[Random, Turns], Turns]] = {
    "exact": _exact,
    "edited": _edited,
    "swapped": _swapped,
    "paraphrased": _paraphrased,
}


def _drawn_kind(rng: Random) -> Kind | None:
    draw = rng.random()
    for kind, share in _SHARES:
        if draw < share:
            return kind
        draw -= share
    return None


def _sentences(text: str) -> list[str]:
    return [one for s in _SENTENCE_ENDS.split(text) if 20 <= len(one := " ".join(s.split())) <= 320]


def _lines(path: str) -> Iterator[dict]:
    opened = gzip.open if path.endswith(".gz") else open
    with opened(REAL_DATA / path, "rb") as file:
        yield from map(orjson.loads, file)


if __name__ == "__main__":
    main()
