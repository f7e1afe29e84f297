"""What a second model says of a written row before people see it; it can only take rows away."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import NamedTuple

from luthier.data.synthetic.config import SynthesizeConfig
from luthier.data.synthetic.prompts import Order, Written, json_of, shown_rows, stratum_name
from luthier.domain.answers import Answer
from luthier.domain.examples import Example, Message
from luthier.domain.variants import Decoding
from luthier.variants.engines.base import EngineRequest

_REASON_CHARACTERS = 500


class Judging(NamedTuple):
    """Who judges, and with which words."""

    model: str
    prompt: str


class Judgement(NamedTuple):
    """Why a row is not kept, or None; and what the judge said."""

    fault: str | None
    reason: str


@cache
def judge_prompt() -> str:
    """The template that comes with Luthier."""
    return (files("luthier.data.synthetic") / "judge.md").read_text(encoding="utf-8")


def judge_request(
    order: Order, written: Written, rows: Mapping[str, Example], config: SynthesizeConfig, *, prompt: str, task: str
) -> EngineRequest:
    """What the judge is asked about one row, always with the likeliest words."""
    candidate = json.dumps({"question": written.question, "answer": written.answer}, ensure_ascii=False)
    examples, kind = shown_rows(order, rows), stratum_name(order)
    text = Template(prompt).substitute(task=task, stratum=kind, examples=examples, candidate=candidate)
    decoding = Decoding(max_tokens=config.max_tokens, temperature=0.0)
    return EngineRequest(messages=(Message(role="user", content=text),), decoding=decoding)


def judgement(reply: Answer) -> Judgement:
    """What a reply says; one that says nothing clear keeps no row."""
    try:
        told = json_of(reply.text)
    except ValueError:
        told = None
    if reply.error is not None or not isinstance(told, dict) or told.get("verdict") not in ("accept", "reject"):
        return Judgement("judge_unclear", "")
    reason = told.get("reason")
    said = reason[:_REASON_CHARACTERS] if isinstance(reason, str) else ""
    return Judgement(None if told["verdict"] == "accept" else "judge_refused", said)
