"""The answer of a drill stands in its prompt, and says what the sentence said."""

import json
import re
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import drills
from models.base.words import Words

PIECES = ("ab", "tor", "ing", "Mel", "sun", "qua")
PHRASES = ("the old man went down to the", "i saw him there without a coat", "she said that it was never hers")
MAKERS = [maker for maker, _ in drills.MAKERS]
# Names that the shipped examples or the public sets use; a drill that held one would teach the answer.
TAKEN = (
    "create_lead",
    "update_deal",
    "log_call",
    "PlayMusic",
    "AddToPlaylist",
    "GetWeather",
    "BookRestaurant",
    "RateBook",
)


def words(seed: int, room_tokens: int = 320) -> Words:
    return Words(Random(seed), PIECES, PHRASES, room_tokens)


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield str(value)


def answered_values(drill: drills.Drill) -> list[str]:
    try:
        return list(leaves(json.loads(drill.answer)))
    except json.JSONDecodeError:
        return [re.sub(r"^(- |\d+\. )", "", line) for line in re.split(r"\n|; |: ", drill.answer)]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
@given(seed=st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_every_answered_value_stands_in_the_prompt(maker: drills.Callable[[Words], drills.Drill], seed: int) -> None:
    made = maker(words(seed))
    values = answered_values(made)
    assert values
    prompt = json.dumps(made.prompt, ensure_ascii=False).casefold() + made.prompt.casefold()
    assert [value for value in values if value.strip().casefold() not in prompt] == []


@given(seed=st.integers(0, 10**9))
@settings(max_examples=200, deadline=None)
def test_json_answers_are_spelt_the_one_way_the_standard_library_spells_them(seed: int) -> None:
    made = drills.make(words(seed))
    if made.kind in {"extract", "two_hop", "few_shot", "tag", "quote"}:
        assert drills.as_json(json.loads(made.answer)) == made.answer


@given(seed=st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_a_call_leaves_out_the_keys_that_the_sentence_does_not_fill(seed: int) -> None:
    made = drills.domain_call(words(seed))
    arguments = json.loads(made.answer)["arguments"]
    assert arguments
    said = made.messages[-2]["content"].casefold()
    assert all(value.casefold() in said for value in arguments.values())


@given(seed=st.integers(0, 10**9), room=st.sampled_from([320, 960]))
@settings(max_examples=60, deadline=None)
def test_a_register_gives_no_two_names_the_same_code(seed: int, room: int) -> None:
    made = words(seed, room)
    _, codes = drills.register(made, drills.register_size(made))
    assert len(set(codes.values())) == len({name.casefold() for name in codes}) == len(codes)


@given(seed=st.integers(0, 10**9))
@settings(max_examples=30, deadline=None)
def test_the_same_seed_makes_the_same_drill(seed: int) -> None:
    assert drills.make(words(seed)) == drills.make(words(seed))


def test_the_last_turn_is_the_assistants() -> None:
    made = [drills.make(words(seed)) for seed in range(300)]
    assert {drill.messages[-1]["role"] for drill in made} == {"assistant"}
    assert {drill.kind for drill in made} == set(drills.KINDS)


def test_no_drill_holds_a_tool_of_the_examples_or_the_public_sets() -> None:
    said = " ".join(f"{made.prompt} {made.answer}" for made in (drills.make(words(seed)) for seed in range(500)))
    assert len(said) > 10_000
    assert [name for name in TAKEN if name.casefold() in said.casefold()] == []


def test_maker_shares_are_positive_and_named_once() -> None:
    assert len({maker for maker, _ in drills.MAKERS}) == len(drills.MAKERS)
    assert all(share > 0 for _, share in drills.MAKERS)
