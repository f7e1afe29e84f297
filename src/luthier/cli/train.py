"""`luthier train`: tuning runs."""

from typing import Annotated

import typer

from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.cli.train_curve import curve
from luthier.cli.train_export import export
from luthier.cli.train_forgetting import forgetting
from luthier.cli.train_ladder import ladder
from luthier.cli.train_memorisation import memorisation
from luthier.cli.train_plan import plan as plan_run
from luthier.cli.train_runs import runs
from luthier.cli.train_search import ablation, search
from luthier.domain.runs import TrainingRun
from luthier.errors import UserError
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.hosted import cancel_hosted
from luthier.lifecycle.links.training import settle_control, settle_training
from luthier.lifecycle.workspace import Workspace
from luthier.train.lab.overfitting import overfitting

app = typer.Typer(no_args_is_help=True)
app.command("plan")(plan_run)
app.command("export")(export)
app.command("forgetting")(forgetting)
app.command("memorisation")(memorisation)
app.command("ladder")(ladder)
app.command("curve")(curve)
app.command("search")(search)
app.command("ablate")(ablation)
app.add_typer(runs, name="runs")


@app.command()
def cancel(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Cancel this project's running job at a hosted provider."""
    with opened(project, assignments, as_json=as_json) as work:
        jobs = cancel_hosted(work)
    show({"cancelled": jobs} if as_json else f"cancelled: {', '.join(jobs) or 'nothing was running'}", as_json=as_json)


@app.callback(invoke_without_command=True)
def train(
    context: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="The same as `luthier train plan`, for all machines.")] = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tune the base model, or run the control that shows what tuning on nonsense gives."""
    if plan and context.invoked_subcommand is None:
        plan_run(project, assignments, as_json=as_json)
    elif project or assignments or as_json or plan:
        raise UserError("these options belong behind the command", hint="for example `luthier train run --json`")


@app.command()
def run(
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train on the admitted rows, an adapter or every weight; a stopped run goes on where it was."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        settled = settle_training(work, Variants(work, lambda: rows_of(work, "train")))
        _show(work, settled.digest, as_json=as_json)


@app.command()
def control(
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train the negative control: the same rows with each other's answers, for a shorter time."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        settled = settle_control(work, Variants(work, lambda: rows_of(work, "train")))
        _show(work, settled.digest, as_json=as_json)


def _show(work: Workspace, digest: str, *, as_json: bool) -> None:
    found = work.fetch(digest, TrainingRun)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    flag = overfitting(found.curve, kept=found.best_step)
    show(
        {
            "every weight" if found.config.get("adapter.kind") == "none" else "adapter": found.adapter,
            "best step": found.best_step,
            "best validation loss": None
            if found.best_validation_loss is None
            else round(found.best_validation_loss, 4),
            **{each.metric: f"{each.value:.3f} (n = {each.n}, validation rows)" for each in found.tasks.values()},
            "stopped because": found.stopped_because,
            "overfitting": f"{flag.outcome.replace('_', ' ')}: {'; '.join(flag.reasons)}",
            "seconds": round(found.seconds, 1),
            "tokens seen": found.tokens_seen,
            "trainable parameters": found.trainable_parameters,
            "cost": str(found.cost),
        },
        as_json=False,
    )
