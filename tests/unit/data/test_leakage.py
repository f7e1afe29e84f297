"""Leakage: copies and paraphrases of gold rows are named; a corpus of look-alikes raises its own bar and says so."""

import zlib
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from luthier.data.compare import Sides
from luthier.data.leakage import Guard, Overlap, find_overlaps, refuse
from luthier.domain.examples import Example, Message
from luthier.errors import Refused
from luthier.text.encoding import Floats
from luthier.text.similarity import Space

THINGS = [
    "lamp",
    "garden",
    "invoice",
    "passport",
    "violin",
    "kettle",
    "engine",
    "ladder",
    "contract",
    "blanket",
    "camera",
    "bridge",
    "medicine",
    "ticket",
]
DEEDS = "repair return insure photograph describe deliver translate paint measure compare install cancel".split()  # noqa: SIM905
ROWS = [
    (f"How do I {deed} the {thing} of my {other}?", f"{deed} {thing} {other} {n}")
    for n, (deed, thing, other) in enumerate(
        (deed, thing, other) for deed in DEEDS for thing, other in zip(THINGS, [*THINGS[5:], *THINGS[:5]], strict=True)
    )
]


def example(row_id: str, asked: str, ideal: str, group: str | None = None) -> Example:
    messages = (Message(role="user", content=asked), Message(role="assistant", content=ideal))
    return Example(id=row_id, messages=messages, group=group)


def overlaps(gold: list[tuple[str, str]], rows: list[tuple[str, str]]) -> dict[str, Overlap]:
    sides = Sides(
        [example(f"g{n}", *row) for n, row in enumerate(gold)] + [example(f"r{n}", *row) for n, row in enumerate(rows)]
    )
    found = find_overlaps(sides, range(len(gold)), near_threshold=0.85, paraphrase_threshold=0.35)
    return {overlap.row: overlap for overlap in found}


def test_each_way_to_copy_is_named_with_its_gold_row_and_clean_rows_are_not() -> None:
    asked, ideal = ROWS[0]
    plants = {
        "verbatim": asked,
        "edited": f"  hello,  {asked.upper()} THANKS",
        "reordered": "Of my kettle, how do I repair the lamp?",
        "paraphrase": "Please tell me the way to fix my kettle's lamp",
    }
    found = overlaps(ROWS[:20], [*ROWS[20:], *((text, ideal) for text in plants.values())])
    first = len(ROWS) - 20
    assert {name: found[f"r{first + n}"].kind for n, name in enumerate(plants)} == {name: name for name in plants}
    assert {found[f"r{first + n}"].gold for n in range(len(plants))} == {"g0"}
    assert len(found) <= len(plants) + 0.01 * len(ROWS)


def test_a_refusal_names_every_row() -> None:
    found = overlaps(ROWS[:5], [*ROWS[5:], ROWS[0], ROWS[1]])
    with pytest.raises(Refused, match=r"(?s)repeats gold row g0.*repeats gold row g1"):
        refuse(list(found.values()))
    refuse([])


def test_rows_that_rephrase_each_other_anyway_raise_the_bar_and_the_sentence_says_so() -> None:
    rng = Random(4)
    openings = ["where is", "please find", "can you locate", "tell me where to look for", "I cannot find", "show me"]
    texts = [f"{rng.choice(openings)} my {rng.choice(THINGS)} {rng.choice(THINGS)}" for _ in range(600)]
    sides = Sides([example(str(n), text, f"label {n % 3}") for n, text in enumerate(dict.fromkeys(texts))])
    guard = Guard(sides.corpus, sides.sides[:60])
    others = np.arange(60, len(sides.sides))
    guard.look(others, sides.asked.take(others))
    hits, bar = guard.found(sides.fetch, near_threshold=0.85, paraphrase_threshold=0.1)
    assert bar.natural is not None
    assert bar.natural > 0.01
    assert bar.at > bar.asked_for
    assert "anyway" not in bar.sentence
    assert f"{bar.natural:.1%}" in bar.sentence
    named = [hit for hit in hits if hit.kind == "paraphrase"]
    assert len(named) < 0.05 * len(others)


def test_what_is_alike_within_groups_does_not_raise_the_bar() -> None:
    asks = ["Please fix the {} of my {}", "My {} needs repair, it is beside the {}"]
    bars = []
    for grouped in (True, False):
        rows = [
            example(f"{n}.{k}", ask.format(*pair), f"answer {n}", f"g{n}" if grouped else None)
            for n, pair in enumerate(zip(THINGS * 8, [DEEDS[n // 14] for n in range(112)], strict=True))
            for k, ask in enumerate(asks)
        ]
        sides = Sides([example("gold", "Where may I park", "park"), example("leak", "Where can I park", "park"), *rows])
        guard = Guard(sides.corpus, sides.sides[:1])
        others = np.arange(1, len(sides.sides))
        guard.look(others, sides.asked.take(others))
        _, bar = guard.found(sides.fetch, near_threshold=1.0, paraphrase_threshold=0.1)
        bars.append(bar.natural)
    assert bars[0] is not None
    assert bars[1] is not None
    assert bars[0] < bars[1]


def test_batches_give_what_one_look_gives() -> None:
    rows = [*ROWS[20:], ROWS[3], ("Please tell me the way to fix my kettle's lamp", ROWS[0][1])]
    sides = Sides([example(str(n), *row) for n, row in enumerate([*ROWS[:20], *rows])])
    answers = []
    for step in (len(rows), 37):
        guard = Guard(sides.corpus, sides.sides[:20])
        for start in range(20, len(sides.sides), step):
            numbers = np.arange(start, min(start + step, len(sides.sides)))
            guard.look(numbers, sides.asked.take(numbers))
        answers.append(guard.found(sides.fetch, near_threshold=0.85, paraphrase_threshold=0.35))
    assert answers[0] == answers[1]
    assert answers[0][0]


def test_what_two_guards_saw_of_a_half_each_is_what_one_sees_of_the_whole() -> None:
    rows = [*ROWS[20:], ROWS[3], ("Please tell me the way to fix my kettle's lamp", ROWS[0][1])]
    sides = Sides([example(str(n), *row) for n, row in enumerate([*ROWS[:20], *rows])])
    numbers = np.arange(20, len(sides.sides))
    whole, joined = (Guard(sides.corpus, sides.sides[:20]) for _ in range(2))
    whole.look(numbers, sides.asked.take(numbers))
    for half in np.array_split(numbers, 2):
        guard = Guard(sides.corpus, sides.sides[:20])
        guard.look(half, sides.asked.take(half))
        joined.take(guard.seen)
    told = [guard.found(sides.fetch, near_threshold=0.85, paraphrase_threshold=0.35) for guard in (whole, joined)]
    assert told[0] == told[1]
    assert told[0][0]


def test_without_gold_rows_nothing_is_found() -> None:
    assert overlaps([], ROWS[:30]) == {}


def test_an_encoder_finds_a_paraphrase_in_words_that_nobody_knows() -> None:
    """The encoder here knows one pair of texts and takes all others for strangers."""
    asked, foreign = ROWS[0][0], "Auf welchem Weg repariere ich die Leuchte am Wasserkocher?"

    def encode(texts: Sequence[str]) -> Floats:
        seeds = [zlib.crc32((asked if text == foreign else text).encode()) for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=32) for seed in seeds]).astype(np.float32)

    labelled = [(row, f"label {n % 20}") for n, (row, _) in enumerate(ROWS)]
    sides = Sides([example(str(n), *row) for n, row in enumerate([*labelled, (foreign, "label 0")])])
    named = []
    for encoder in (encode, None):
        guard = Guard(sides.corpus, sides.sides[:20], Space(sides.corpus, encoder))
        others = np.arange(20, len(sides.sides))
        guard.look(others, sides.asked.take(others))
        hits, _ = guard.found(sides.fetch, near_threshold=0.85, paraphrase_threshold=0.35)
        named.append({(hit.row, hit.gold) for hit in hits})
    assert (len(ROWS), 0) in named[0]
    assert len(ROWS) not in {row for row, _ in named[1]}
