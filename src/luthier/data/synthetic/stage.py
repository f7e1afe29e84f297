"""Rows written by a model: orders from strata and seeds, replies, and what the validators left of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from pydantic import Field

from luthier.data.synthetic.config import SynthesizeConfig
from luthier.data.synthetic.judge import Judging, judge_request, judgement
from luthier.data.synthetic.prompts import Order, Written, orders, prompt_version, request_for, strata_of, written
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

    def judge(self, requests: Sequence[EngineRequest]) -> Sequence[Answer]:
        """One reply of the judge per request; asked where the run names one."""
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
    judged: str = Field(default="", description="What the judge said of it.")


class Synthesis(Value):
    """One run: what was asked for, what came back, and why the rest was not kept."""

    generator: str = Field(description="The model, as the project names it, and its id.")
    prompt: str = Field(description="The template, as it was.")
    prompt_version: str
    snapshot: str = Field(description="Whose rows were the seeds.")
    judge: str | None = Field(default=None, description="The model that refused rows, and its id.")
    judge_prompt: str = Field(default="", description="Its template, as it was.")
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
                    **({"judge": self.judge, "judged": row.judged} if self.judge else {}),
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
    judging: Judging | None = None,
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
        judging: Who refuses rows that the validator lets through; nobody where absent.

    """
    for question in known:
        validator.know(question)
    strata, by_id = strata_of(seeds, tags), {row.id: row for row in seeds}
    judge = _Judge(ports, config, judging, by_id, task) if judging else None
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
        spent += replies
        made: Sequence[SyntheticRow | str] = [_made(order, reply, validator, f"{snapshot}{seed}{prompt}{generator}")
                for order, reply in zip(batch, replies, strict=True)]  # fmt: skip
        if judge:
            made, verdicts = judge.sieve(batch, made)
            spent += verdicts
        rows += [each for each in made if isinstance(each, SyntheticRow)]
        rejected.update(each for each in made if isinstance(each, str))
        ports.progress(len(rows), count)
    if asked != len(rows) + sum(rejected.values()):
        raise LuthierError(f"{asked} rows were asked of a model and {len(rows) + sum(rejected.values())} accounted for")
    return Synthesis(
        generator=generator,
        prompt=prompt,
        prompt_version=prompt_version(prompt),
        snapshot=snapshot,
        judge=judging.model if judging else None,
        judge_prompt=judging.prompt if judging else "",
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


@dataclass(frozen=True)
class _Judge:
    """Whoever refuses rows, and what it is told about each."""

    ports: Ports
    config: SynthesizeConfig
    judging: Judging
    seeds: Mapping[str, Example]
    task: str

    def sieve(self, batch: Sequence[Order], made: Sequence[SyntheticRow | str]) -> "_Sieved":
        """The rows that it accepts, with what it said; of the others why they are not kept."""
        asked = [(place, row) for place, row in enumerate(made) if isinstance(row, SyntheticRow)]
        requests = [self._request(batch[place], row) for place, row in asked]
        replies = self.ports.judge(requests) if requests else []
        judged = list(made)
        for (place, row), reply in zip(asked, replies, strict=True):
            fault, reason = judgement(reply)
            judged[place] = fault or row.model_copy(update={"judged": reason})
        return _Sieved(judged, replies)

    def _request(self, order: Order, row: SyntheticRow) -> EngineRequest:
        candidate = Written(question=row.question, answer=row.answer)
        return judge_request(order, candidate, self.seeds, self.config, prompt=self.judging.prompt, task=self.task)


class _Sieved(NamedTuple):
    made: Sequence[SyntheticRow | str]
    replies: Sequence[Answer]


def _total(costs: Sequence[Money]) -> Money:
    if not costs:
        return Money()
    return Money(amount=sum((each.amount for each in costs), Decimal(0)), currency=costs[0].currency)
