"""Baselines written by hand: every way to fail in any mixture, each on a row of its own."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from luthier.assess.types import Baseline, Evidence
from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec, parse_call
from luthier.domain.examples import Example, Message
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.reports import Case, Report
from luthier.domain.variants import ModelRef, RetrievalRef, Variant

TOOL = ToolSpec.model_validate(
    {
        "name": "move_deal",
        "parameters": {
            "type": "object",
            "properties": {
                "account": {"type": "string", "pattern": "^ACC-[0-9]{4}$"},
                "stage": {"type": "string", "enum": ["won", "lost"]},
                "amount": {"type": "string"},
            },
            "required": ["account", "stage", "amount"],
            "additionalProperties": False,
        },
    }
)
OTHER_TOOL = ToolSpec.model_validate({"name": "add_person", "parameters": {"type": "object"}})
TOOLS = (TOOL, OTHER_TOOL)


def call(account: str, stage: str = "won", amount: str = "500") -> str:
    return f'{{"name": "move_deal", "arguments": {{"account": "{account}", "stage": "{stage}", "amount": "{amount}"}}}}'


WRONG: Mapping[str, Callable[[str], str | None]] = {
    "format": lambda account: f"Sure! {call(account)}",
    "tool_name": lambda account: '{"name": "add_person", "arguments": {}}',
    "missing_fact": lambda account: call("ACC-0000"),
    "wrong_argument": lambda account: call(account, amount="700"),
    "reasoning": lambda account: call(account, stage="lost"),
    "refusal_or_empty": lambda account: None,
}


def cases(mixture: Mapping[str, int], *, of: int) -> tuple[Case, ...]:
    """`of` cases of which the mixture's counts fail; only `missing_fact` rows keep the account out of the question."""
    kinds = [kind for kind, count in mixture.items() for _ in range(count)]
    made = []
    for number in range(of):
        kind = kinds[number] if number < len(kinds) else "right"
        account = f"ACC-{1000 + number}"
        shown = "Brook Foods" if kind in {"missing_fact", "hidden_right"} else account
        right = kind in {"right", "hidden_right"}
        text = call(account) if right else WRONG[kind](account)
        made.append(case(f"row-{number}", f"They signed at {shown} for 500 EUR, not 700.", call(account), text))
    return tuple(made)


def case(name: str, asked: str, ideal: str, text: str | None) -> Case:
    fault = parse_call(text, TOOLS).fault
    score = float(text == ideal)
    return Case(
        example_id=name, strata={}, asked=asked, ideal=ideal, answer=Answer(text=text), fault=fault,
        scores={"exact_match": score, "schema_valid": float(fault is None)},
    )  # fmt: skip


def baseline(kind: str, rows: Sequence[Case], *, prompt: str = "Answer with a call.") -> Baseline:
    retrieval = RetrievalRef(kb="kb", index="0") if kind == "rag" else None
    shots = (examples(1)[0],) if kind == "few_shot" else ()
    engine = "nearest" if kind == "nearest" else "local"
    variant = Variant(
        name=kind, model=ModelRef(engine=engine, id="m"), prompt=prompt, shots=shots, retrieval=retrieval,
        adapter="0" * 64 if kind == "tuned" else None,
    )  # fmt: skip
    figures = {
        metric: Measurement.of_proportion(metric, int(sum(row.scores[metric] for row in rows)), n=len(rows))
        for metric in ("exact_match", "schema_valid")
    }
    report = Report(
        variant=kind, variant_digest=variant.digest, benchmark="task", gold="g", overall=figures, strata={},
        cases=tuple(rows), seconds=1.0, cost=Money(),
    )  # fmt: skip
    return Baseline(variant=variant, report=report)


@cache
def examples(count: int) -> tuple[Example, ...]:
    return tuple(
        Example(
            id=f"train-{number}",
            messages=(
                Message(role="user", content=f"ACC-{5000 + number} signed for 500"),
                Message(role="assistant", content=call(f"ACC-{5000 + number}", "lost" if number % 2 else "won")),
            ),
        )
        for number in range(count)
    )


def evidence(mixtures: Mapping[str, Mapping[str, int]], *, of: int = 400, training: int = 400) -> Evidence:
    baselines = tuple(baseline(kind, cases(mixture, of=of)) for kind, mixture in mixtures.items())
    return Evidence(project="crm", baselines=baselines, training=examples(training), tools=TOOLS)
