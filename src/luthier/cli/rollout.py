"""`luthier rollout`: a release on its way through traffic stages, or back."""

import time
from typing import Annotated

import typer

from luthier.cli.opened import KEY_VARIABLE, opened, signed_in
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.errors import Forbidden, UserError
from luthier.lifecycle import rollouts
from luthier.lifecycle.drill import drill as run_drill
from luthier.lifecycle.rollouts import Controller
from luthier.lifecycle.serving.supervisor import where_served
from luthier.lifecycle.workspace import Workspace

app = typer.Typer(no_args_is_help=True)
OPERATORS = {"engineer", "approver", "admin"}
ReasonOption = Annotated[str, typer.Option("--reason", help="Kept in the audit log for ever.")]


@app.callback()
def rollout() -> None:
    """Start, watch, stop and rehearse rollouts."""


@app.command()
def status(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print where the rollout stands and how each stage went."""
    with opened(project, assignments, as_json=True) as work:
        _show(rollouts.controller(work), as_json=as_json)


@app.command()
def start(
    release_id: Annotated[str, typer.Argument(help="An approved release.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an approved release its first share of users."""
    with opened(project, assignments, as_json=as_json) as work:
        _show(rollouts.begin(work, release_id, by=_operator(work)), as_json=as_json)


@app.command()
def watch(
    every_seconds: Annotated[float, typer.Option(min=0.1, help="Time between two looks.")] = 30,
    once: Annotated[bool, typer.Option("--once", help="Look once and stop.")] = False,
    stay: Annotated[bool, typer.Option("--stay", help="Wait for the next rollout when none runs.")] = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Control the running rollout: look at what was served, promote, hold, or take it back."""
    if once and stay:
        raise UserError("`--once` and `--stay` contradict each other", hint="leave one of them out")
    with opened(project, assignments, as_json=as_json) as work:
        seen = rollouts.observe(work)
        while stay or (not once and seen.state.status == "running"):
            time.sleep(every_seconds)
            seen = rollouts.observe(work)
        _show(seen, as_json=as_json)


@app.command()
def kill(reason: ReasonOption, project: ProjectOption = None, assignments: SetOption = None) -> None:
    """Pull the kill switch: baseline prompting answers everybody."""
    with opened(project, assignments) as work:
        _show(rollouts.kill(work, by=_operator(work), reason=reason), as_json=False)


@app.command()
def resume(reason: ReasonOption, project: ProjectOption = None, assignments: SetOption = None) -> None:
    """Put the kill switch back: the stable release answers again."""
    with opened(project, assignments) as work:
        _show(rollouts.resume(work, by=_operator(work), reason=reason), as_json=False)


@app.command()
def revert(reason: ReasonOption, project: ProjectOption = None, assignments: SetOption = None) -> None:
    """Send everybody back to the previous release."""
    with opened(project, assignments) as work:
        _show(rollouts.revert(work, by=_operator(work), reason=reason), as_json=False)


@app.command()
def drill(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Rehearse a rollback on the live server and time it from outside, with the key in LUTHIER_KEY."""
    with opened(project, assignments, as_json=as_json) as work:
        _operator(work)
        key = work.environment.secret(KEY_VARIABLE).get_secret_value()
        found = run_drill(work, where_served(work).gateway, key)
    show(found.model_dump(mode="json"), as_json=as_json)


def _operator(work: Workspace) -> str:
    who = signed_in(work)
    if not who.roles & OPERATORS:
        raise Forbidden(
            f"{who.name!r} may not move traffic", hint=f"the roles that may: {', '.join(sorted(OPERATORS))}"
        )
    return who.name


def _show(found: Controller, *, as_json: bool) -> None:
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    state, traffic = found.state, found.traffic
    told = {
        "status": state.status,
        "release": state.release,
        "stable": traffic.stable,
        "canary": traffic.canary,
        "percent": traffic.percent,
        "kill switch": traffic.killed,
        "reason": state.reason,
    }
    show(told, as_json=False)
    stages = [
        {
            "percent": stage.percent,
            "from": f"{stage.entered_at:%Y-%m-%d %H:%M}",
            "to": f"{stage.left_at:%Y-%m-%d %H:%M}" if stage.left_at else None,
            "verdict": stage.verdict.outcome if stage.verdict else None,
        }
        for stage in state.history
    ]
    if stages:
        show(stages, as_json=False)
