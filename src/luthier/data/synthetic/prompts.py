"""What a model is asked when it writes a row, and what its reply holds."""

import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template

from luthier.data.synthetic.config import SynthesizeConfig
from luthier.domain.calls import ToolSpec
from luthier.domain.digests import digest_of
from luthier.domain.examples import Example, Message
from luthier.domain.value import Json, Value
from luthier.domain.variants import Decoding
from luthier.errors import EmptySample, UserError
from luthier.variants.engines.base import EngineRequest
from luthier.variants.prompts import tools_json

_NEEDED = frozenset({"stratum", "examples"})
_KNOWN = _NEEDED | {"task", "tools"}
Stratum = tuple[tuple[str, str], ...]


class Order(Value):
    """One row asked of a model: of which stratum, shown which real rows, with which draw."""

    strata: Mapping[str, str]
    seeds: tuple[str, ...]
    """Ids of the rows shown."""
    draw: int


class Written(Value):
    """The question and answer of a reply; `fault` where it is none."""

    question: str = ""
    answer: str = ""
    fault: str | None = None


@cache
def packaged_prompt() -> str:
    """The template that comes with Luthier."""
    return (files("luthier.data.synthetic") / "prompt.md").read_text(encoding="utf-8")


def check_prompt(text: str) -> None:
    """Nothing when the template names what it must and nothing unknown; else UserError.

    Raises:
        UserError: With the names that are missing or unknown.

    """
    template = Template(text)
    if not template.is_valid():
        raise UserError("the prompt holds a lone `$`", hint="write `$$` for a dollar sign")
    named = set(template.get_identifiers())
    if unknown := sorted(named - _KNOWN):
        raise UserError(f"the prompt names {unknown}, which it is not given", hint=f"it may name {sorted(_KNOWN)}")
    if missing := sorted(_NEEDED - named):
        raise UserError(f"the prompt does not name {missing}", hint="without them every row would be of one kind")


def strata_of(rows: Sequence[Example], tags: Sequence[str]) -> dict[Stratum, list[Example]]:
    """The rows of each combination of the tags, in order; those without one of the tags belong to none.

    Raises:
        EmptySample: No row has all tags.

    """
    found: dict[Stratum, list[Example]] = {}
    for row in rows:
        if all(tag in row.strata for tag in tags):
            found.setdefault(tuple((tag, row.strata[tag]) for tag in tags), []).append(row)
    if not found:
        raise EmptySample("seed rows")
    return dict(sorted(found.items()))


def orders(
    strata: Mapping[Stratum, Sequence[Example]], count: int, config: SynthesizeConfig, *, seed: int, first: int
) -> list[Order]:
    """`count` orders in turns over the strata, the rarest first, each with seeds drawn of its own."""
    ranked = sorted(strata, key=lambda each: (len(strata[each]), each))
    made = []
    for place in range(first, first + count):
        stratum = ranked[place % len(ranked)]
        draws = random.Random(f"{seed}:{place}")
        shown = draws.sample(list(strata[stratum]), min(config.seeds, len(strata[stratum])))
        made.append(Order(strata=dict(stratum), seeds=tuple(row.id for row in shown), draw=place))
    return made


def request_for(
    order: Order,
    rows: Mapping[str, Example],
    config: SynthesizeConfig,
    prompt: str,
    *,
    task: str,
    tools: Sequence[ToolSpec],
    seed: int,
) -> EngineRequest:
    """What the model is asked; the answer is to be a call where the project has tools."""
    offered = (
        f'The answer is a tool call, {{"name": ..., "arguments": ...}} as text. Tools: {tools_json(tools)}'
        if tools
        else ""
    )
    text = Template(prompt).substitute(
        task=task, stratum=stratum_name(order), examples=shown_rows(order, rows), tools=offered
    )
    decoding = Decoding(max_tokens=config.max_tokens, temperature=config.temperature, seed=seed + order.draw)
    return EngineRequest(messages=(Message(role="user", content=text),), decoding=decoding)


def shown_rows(order: Order, rows: Mapping[str, Example]) -> str:
    """The real rows of an order, one JSON object a line."""
    seeds = [rows[each] for each in order.seeds]
    return "\n".join(json.dumps({"question": row.asked, "answer": row.ideal}, ensure_ascii=False) for row in seeds)


def stratum_name(order: Order) -> str:
    """The kind of row that an order wants, in words."""
    return ", ".join(f"{tag} = {value}" for tag, value in order.strata.items()) or "any kind"


def json_of(text: str | None) -> Json:
    """What a reply means, which may stand in a code block.

    Raises:
        ValueError: It is no JSON.

    """
    body = (text or "").strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        value: Json = json.loads(body)
    except RecursionError as fault:
        raise ValueError("nested too deep") from fault
    return value


def written(text: str | None) -> Written:
    """The question and answer in a reply, which may stand in a code block; an answer that is an object becomes text."""
    try:
        value = json_of(text)
    except ValueError:
        return Written(fault="not_json")
    if not isinstance(value, dict) or not {"question", "answer"} <= set(value):
        return Written(fault="wrong_shape")
    question, answer = value["question"], value["answer"]
    if isinstance(answer, dict | list):
        answer = json.dumps(answer, ensure_ascii=False)
    if not isinstance(question, str) or not isinstance(answer, str):
        return Written(fault="wrong_shape")
    if not question.strip() or not answer.strip():
        return Written(fault="empty")
    return Written(question=question.strip(), answer=answer.strip())


def prompt_version(prompt: str) -> str:
    """By which prompt a row was written: the first digits of the template's digest."""
    return digest_of(prompt)[:12]
