"""What people prefer as a method learns it: pairs for `dpo`, single judgements for `kto`."""

import random
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from luthier.domain.examples import Message
from luthier.domain.preferences import Preference
from luthier.errors import Refused
from luthier.train.types import Judged, PreferencePair

Prompted = Callable[[int, Preference], tuple[Message, ...]]
"""How the n-th preference is asked."""
Method = Literal["dpo", "kto"]


class Preferred(NamedTuple):
    """Rows to learn from, and how many preferences a method has no use for, by reason."""

    rows: Sequence[PreferencePair | Judged]
    left_out: dict[str, int]


def preferred(preferences: Sequence[Preference], method: Method, prompted: Prompted, *, name: str) -> Preferred:
    """The rows that `method` learns; Refused where there is none.

    `dpo` needs two answers to one question. `kto` judges answers one by one, so that a pair is two of its rows.
    """
    if method == "dpo":
        pairs = [(place, one) for place, one in enumerate(preferences) if one.is_pair]
        rows: list[PreferencePair | Judged] = [_pair(one, prompted(place, one)) for place, one in pairs]
    else:
        rows = [judged for place, one in enumerate(preferences) for judged in _judged(one, prompted(place, one))]
    if not rows:
        wanted = "pairs of answers" if method == "dpo" else "judged answers"
        raise Refused(
            f"the {name} split holds no {wanted}, which `method: {method}` learns from",
            hint="add a source with rejected answers or judgements, raise data.split.validation, or choose sft",
        )
    singles = sum(not one.is_pair for one in preferences) if method == "dpo" else 0
    return Preferred(rows, {"judged_alone": singles} if singles else {})


def with_others_judgements(rows: Sequence[PreferencePair | Judged], seed: int) -> list[PreferencePair | Judged]:
    """The control: pairs turned round by the toss of a coin, judgements dealt out anew."""
    draws = random.Random(seed)
    verdicts = [row.is_good for row in rows if isinstance(row, Judged)]
    draws.shuffle(verdicts)
    dealt = iter(verdicts)
    return [
        row.model_copy(update={"is_good": next(dealt)}) if isinstance(row, Judged) else _tossed(row, draws)
        for row in rows
    ]


def _tossed(row: PreferencePair, draws: random.Random) -> PreferencePair:
    return row.model_copy(update={"chosen": row.rejected, "rejected": row.chosen}) if draws.random() < 0.5 else row


def _pair(one: Preference, prompt: tuple[Message, ...]) -> PreferencePair:
    return PreferencePair(id=one.id, prompt=prompt, chosen=_said(one.chosen), rejected=_said(one.rejected))


def _judged(one: Preference, prompt: tuple[Message, ...]) -> list[Judged]:
    told = [(one.chosen, True, "+"), (one.rejected, False, "-")]
    return [
        Judged(id=f"{one.id}{mark}" if one.is_pair else one.id, prompt=prompt, answer=_said(text), is_good=is_good)
        for text, is_good, mark in told
        if text is not None
    ]


def _said(text: str | None) -> Message:
    return Message(role="assistant", content=text or "")
