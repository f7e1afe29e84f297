"""Rows written by a model: orders from strata and seeds, replies, and what the validators left of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from pydantic import Field

from luthier.data.synthetic.config import SynthesizeConfig
from luthier.data.synthetic.prompts import Order, orders, prompt_version, request_for, strata_of, written
from luthier.data.synthetic.validate import Validator
from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec
from luthier.domain.digests import digest_of
from luthier.domain.examples import Example
from luthier.domain.money import Money
from luthier.domain.value import Json, Value
from luthier.errors import LuthierError
from luthier.variants.engines.base import EngineRequest

_AT_ONCE = 32


class Ports(Protocol):
    """All that this stage needs and cannot be handed as a value."""

    def answer(self, requests: Sequence[EngineRequest]) -> Sequence[Answer]:
        """One reply per request; one that failed says so."""
        ...

    def progress(self, done: int, of: int) -> None:
        """Told after every batch."""
        ...


class SyntheticRow(Value):
    """One row that a model wrote, and how it came about."""

    id: str
    question: str
    answer: str
    strata: Mapping[str, str]
    seeds: tuple[str, ...] = Field(description="Ids of the real rows that the model was shown.")
    draw: int = Field(description="With the run's seed, what decided the seeds and the model's sampling.")


class Synthesis(Value):
    """One run: what was asked for, what came back, and why the rest was not kept."""

    generator: str = Field(description="The model, as the project names it, and its id.")
    prompt: str = Field(description="The template, as it was.")
    prompt_version: str
    snapshot: str = Field(description="Whose rows were the seeds.")
    seed: int
    wanted: int
    asked: int = Field(description="Requests that went to the model.")
    rejected: Mapping[str, int] = Field(description="Replies not kept, by reason; `engine_fault` where none came.")
    rows: tuple[SyntheticRow, ...]
    prompt_tokens: int
    completion_tokens: int
    cost: Money

    def records(self) -> list[dict[str, Json]]:
        """The rows as chat JSONL objects, each flagged as synthetic with its provenance."""
        return [
            {
                "id": row.id,
                "messages": [{"role": "user", "content": row.question}, {"role": "assistant", "content": row.answer}],
                "synthetic": True,
                **row.strata,
                "provenance": {
                    "generator": self.generator,
                    "prompt": self.prompt_version,
                    "snapshot": self.snapshot,
                    "seed": self.seed,
                    "draw": row.draw,
                    "seeds": list(row.seeds),
                },
            }
            for row in self.rows
        ]


def run(
    ports: Ports,
    config: SynthesizeConfig,
    seeds: Sequence[Example],
    known: Iterable[str],
    validator: Validator,
    *,
    prompt: str,
    task: str,
    tags: Sequence[str],
    tools: Sequence[ToolSpec],
    count: int,
    generator: str,
    snapshot: str,
    seed: int,
) -> Synthesis:
    """`count` valid rows, or fewer where the attempts run out; asked = kept + rejected.

    Args:
        ports: The engine.
        config: The rules.
        seeds: Real rows to show; never gold, never synthetic.
        known: Questions of all rows that a new one must differ from, besides gold.
        validator: Knows the gold rows.
        prompt: The template.
        task: What the assistant is for.
        tags: The tags whose values make the strata.
        tools: What answers may call; none where they are prose.
        count: Rows wanted.
        generator: Name and id of the model.
        snapshot: Where the seeds are from.
        seed: Decides seeds, strata and sampling.

    """
    for question in known:
        validator.know(question)
    strata, by_id = strata_of(seeds, tags), {row.id: row for row in seeds}
    rows: list[SyntheticRow] = []
    rejected: Counter[str] = Counter()
    asked, at_most = 0, int(count * config.attempts_per_row)
    spent: list[Answer] = []
    while len(rows) < count and asked < at_most:
        size = min(_AT_ONCE, count - len(rows), at_most - asked)
        batch = orders(strata, size, config, seed=seed, first=asked)
        requests = [request_for(each, by_id, config, prompt, task=task, tools=tools, seed=seed) for each in batch]
        replies = ports.answer(requests)
        asked += len(batch)
        for order, reply in zip(batch, replies, strict=True):
            spent.append(reply)
            made = _made(order, reply, validator, f"{snapshot}{seed}{prompt}{generator}")
            if isinstance(made, str):
                rejected[made] += 1
            else:
                rows.append(made)
        ports.progress(len(rows), count)
    if asked != len(rows) + sum(rejected.values()):
        raise LuthierError(f"{asked} rows were asked of a model and {len(rows) + sum(rejected.values())} accounted for")
    return Synthesis(
        generator=generator,
        prompt=prompt,
        prompt_version=prompt_version(prompt),
        snapshot=snapshot,
        seed=seed,
        wanted=count,
        asked=asked,
        rejected=dict(sorted(rejected.items())),
        rows=tuple(rows),
        prompt_tokens=sum(each.prompt_tokens for each in spent),
        completion_tokens=sum(each.completion_tokens for each in spent),
        cost=_total([each.cost for each in spent]),
    )


def _made(order: Order, reply: Answer, validator: Validator, run_name: str) -> SyntheticRow | str:
    """The row in a reply, or why it is not kept."""
    if reply.error is not None or reply.text is None:
        return "engine_fault"
    found = written(reply.text)
    why = found.fault or validator.fault(found.question, found.answer)
    if why:
        return "cut_off" if reply.finish_reason == "length" and why == "not_json" else why
    validator.know(found.question)
    name = digest_of([run_name, order.draw, found.question])[:16]
    return SyntheticRow(
        id=f"synthetic-{name}", question=found.question, answer=found.answer, strata=order.strata, seeds=order.seeds,
        draw=order.draw,
    )  # fmt: skip


def _total(costs: Sequence[Money]) -> Money:
    if not costs:
        return Money()
    return Money(amount=sum((each.amount for each in costs), Decimal(0)), currency=costs[0].currency)
