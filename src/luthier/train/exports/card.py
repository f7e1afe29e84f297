"""The card of an exported model: what it was made of, how it went, and what it must not be taken for."""

from collections.abc import Mapping, Sequence

import yaml

from luthier.domain.runs import TrainingRun

POINTS_AT_MOST = 12


def model_card(run: TrainingRun, *, name: str, base: str, form: str, notes: Sequence[str] = ()) -> str:
    """A README.md as model hubs read it; every figure in it stands in the run's record."""
    front = yaml.safe_dump(_front(run, base, form), sort_keys=False)
    facts = "\n".join(f"| {what} | {said} |" for what, said in _facts(run).items())
    settings = "\n".join(f"- `{key}`: {value}" for key, value in sorted(run.config.items()))
    told = "".join(f"\n- {note}" for note in notes)
    return f"""---
{front}---

# {name}

{form.capitalize()} of `{base}`, tuned by Luthier. The gate's report says what it is good for.
This card says how it was made.

| | |
|---|---|
{facts}

## Loss while training

{_curve(run)}

## Settings

{settings}

## To know before use

- Tuned and measured on one narrow task; nothing is known of it elsewhere.
- The base model's licence and limits hold for it, too.{told}
"""


def _front(run: TrainingRun, base: str, form: str) -> dict[str, object]:
    library = "peft" if form == "adapter" else "transformers"
    tags = ["luthier", run.method, *(["lora"] if form == "adapter" else [])]
    return {"base_model": base, "library_name": library, "pipeline_tag": "text-generation", "tags": tags}


def _facts(run: TrainingRun) -> Mapping[str, str]:
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(run.left_out.items())) or "none"
    return {
        "method": run.method,
        "base weights (SHA-256)": f"`{run.base_weights}`",
        "data snapshot": f"`{run.snapshot}`",
        "tuned artifact": f"`{run.adapter}`",
        "parameters trained": _trained(run),
        "examples and tokens seen": f"{run.examples_seen:,} and {run.tokens_seen:,}, padding not counted",
        "rows left out": left_out,
        "kept step": f"{run.best_step}, validation loss {_loss(run.best_validation_loss)} nats per token",
        "stopped because": run.stopped_because.replace("_", " "),
        "seed": str(run.seed),
        "cost": f"{run.cost}, {run.seconds:,.0f} s",
    }


def _curve(run: TrainingRun) -> str:
    measured = [point for point in run.curve if point.validation_loss is not None]
    stride = -(-len(measured) // POINTS_AT_MOST) or 1
    kept = [*measured[::stride], *([measured[-1]] if measured and (len(measured) - 1) % stride else [])]
    rows = [f"| {point.step} | {_loss(point.train_loss)} | {_loss(point.validation_loss)} |" for point in kept]
    return "\n".join(["| step | training | validation |", "|---|---|---|", *rows])


def _trained(run: TrainingRun) -> str:
    if run.trained_share is None:
        return "not known"
    return f"{run.trainable_parameters:,} of {run.total_parameters:,} ({run.trained_share:.2%})"


def _loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4f}"
