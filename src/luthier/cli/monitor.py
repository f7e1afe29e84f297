"""`luthier monitor`: what serving shows over time."""

import typer

from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.lifecycle.links.monitoring import settle_health
from luthier.monitor.stage import Health

app = typer.Typer(no_args_is_help=True)


@app.callback()
def monitor() -> None:
    """Look at served traffic."""


@app.command()
def check(
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what was served with the training data; failed cases go before the reviewers."""
    with opened(project, assignments, as_json=as_json, force=force) as work:
        found = work.fetch(settle_health(work).digest, Health)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    for test in found.tests:
        show(
            f"{test.feature}: p = {test.p_value:.4f} over {test.n_served} served and {test.n_reference} training rows",
            as_json=False,
        )
