"""Preferences beside the rows that are learned by themselves: told apart, kept together, never beside gold."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from luthier.data.asked import answer_keys
from luthier.data.config import PreferenceUse
from luthier.data.plan.fates import Mask
from luthier.data.rows import PREFERENCE, SCHEMA, are_preferences
from luthier.data.split import Keys
from luthier.text.clusters import heads
from luthier.text.folding import folded

ANSWER, WANTED, UNWANTED = 0, 1, 2
"""`preference_key` of rows that are no pair; that of a pair is the key of its rejected answer."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Told(NamedTuple):
    """What a batch teaches, and the rows of it that teach nothing, each with the reason."""

    rows: pa.RecordBatch
    left_out: pa.RecordBatch
    reasons: list[str]


def told_apart(batch: pa.RecordBatch, use: PreferenceUse) -> Told:
    """Every ideal answer as a row of its own, and every preference as another one.

    Answers that people dislike are never ideal; a pair of equal answers prefers nothing.
    """
    is_said = are_preferences(batch)
    if not pc.any(is_said).as_py():
        return Told(batch, batch.slice(0, 0), [])
    is_refused = pc.fill_null(pc.invert(batch["liked"]), False)
    answers = _without_preference(batch.filter(pc.invert(is_said if use == "alone" else is_refused)))
    if use == "off":
        refused = batch.filter(is_refused)
        return Told(answers, refused, ["unwanted_answer"] * refused.num_rows)
    is_same = _says_the_same(batch)
    preferences = _named(batch.filter(pc.and_(is_said, pc.invert(is_same))))
    equal = _named(batch.filter(is_same))
    return Told(pa.concat_batches([answers, preferences]), equal, ["equal_answers"] * equal.num_rows)


def preference_keys(batch: pa.RecordBatch) -> Keys:
    """0 for an answer, 1 and 2 for one that is liked or not, else the key of the rejected answer."""
    keys = np.where(batch["liked"].fill_null(True).to_numpy(zero_copy_only=False), WANTED, UNWANTED).astype(np.uint64)
    keys[~np.asarray(are_preferences(batch))] = ANSWER
    pairs = np.asarray(batch["rejected"].is_valid())
    if pairs.any():
        keys[pairs] = answer_keys(batch["rejected"].drop_null().cast(pa.large_string()))
    return keys


def joined_groups(groups: Keys, questions: Keys, preferences: Mask) -> Keys:
    """The groups, those of one question in one where any of its rows is a preference; named by the lowest of them."""
    if not preferences.any():
        return groups
    asked = np.isin(questions, questions[preferences])
    names, of_group = np.unique(groups, return_inverse=True)
    same, of_question = np.unique(questions[asked], return_inverse=True)
    joined: Keys = names[heads(len(names) + len(same), of_group[asked], of_question + len(names))[of_group]]
    return joined


def twins(groups: Keys, questions: Keys, preferences: Mask) -> Mask:
    """Preferences whose question is asked by an answer of their own group, too."""
    both = groups * _MIX ^ questions
    found: Mask = preferences & np.isin(both, both[~preferences])
    return found


def opposed_pairs(questions: Keys, answers: Keys, keys: Keys) -> NDArray[np.int64]:
    """Pairs of rows of which one prefers what the other rejects; the lower first, shape [pairs, 2].

    A pair opposes the same pair the other way round; an answer that is disliked opposes the same answer liked or ideal.
    """
    liked = np.where(keys == UNWANTED, UNWANTED, answers)
    against = np.where(keys <= WANTED, UNWANTED, np.where(keys == UNWANTED, answers, keys))
    # a row says (question, liked, against); its opposite says (question, against, liked)
    mine = _mixed(questions, liked, against)
    theirs = _mixed(questions, against, liked)
    mine[liked == against] = 0  # two answers that differ in form alone oppose no other pair, and not their own
    order = np.argsort(theirs, kind="stable")
    start, end = (np.searchsorted(theirs[order], mine, side=side) for side in ("left", "right"))
    rows = np.flatnonzero(end > start)  # the first opponent of each row is told
    pairs = np.sort(np.stack([rows, order[start[rows]]], axis=1), axis=1)
    return np.unique(pairs, axis=0)


def _mixed(*keys: Keys) -> Keys:
    mixed = np.zeros_like(keys[0])
    for key in keys:
        mixed = (mixed ^ key) * _MIX
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _says_the_same(batch: pa.RecordBatch) -> pa.BooleanArray:
    """Which pairs have twice the same answer, case and spacing aside."""
    messages = batch["messages"]
    last = pc.subtract(pc.list_value_length(messages), 1)
    ends = pc.add(pc.subtract(messages.offsets.slice(0, len(messages)), messages.offsets[0]), last)
    chosen = messages.flatten().field("content").take(ends)
    return pc.and_(batch["rejected"].is_valid(), pc.equal(folded(chosen), folded(batch["rejected"])))


def _without_preference(rows: pa.RecordBatch) -> pa.RecordBatch:
    for name in ("rejected", "liked"):
        place = SCHEMA.get_field_index(name)
        rows = rows.set_column(place, SCHEMA.field(name), pa.nulls(rows.num_rows, SCHEMA.field(name).type))
    return rows


def _named(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Preferences under ids of their own, in the group of the row that they stand beside."""
    ids = pc.binary_join_element_wise(rows["id"], pa.scalar(PREFERENCE), "")
    return rows.set_column(SCHEMA.get_field_index("id"), SCHEMA.field("id"), ids)
