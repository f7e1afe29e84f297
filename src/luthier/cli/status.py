"""`luthier status`: where the chain stands."""

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.lifecycle.status import status as status_of

app = typer.Typer()


@app.command()
def status(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print each link of the chain, every variant's figures, the releases and the rollout."""
    with opened(project, assignments, as_json=True) as work:
        found = status_of(work)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    table(
        ["link", "state", "digest", "reason"],
        [[e.link, e.state, (e.digest or "-")[:12], e.reason] for e in found.links],
    )
    rows = [
        [
            name,
            benchmark,
            metric,
            f"{figure.value:.3f}",
            f"{figure.low:.3f} to {figure.high:.3f}",
            str(figure.n),
            figure.verdict or "-",
        ]
        for name, variant in found.variants.items()
        for benchmark, figures in variant.reports.items()
        for metric, figure in figures.items()
    ]
    if rows:
        table(["variant", "benchmark", "metric", "value", "95% interval", "n", "verdict"], rows)
    for made in found.releases:
        show(f"release {made.id} of {made.variant}: gate {made.gate}, {made.approval}", as_json=False)
    for each in found.withdrawals:
        show(
            f"{each.id}: {each.standing}" + (f", {'; '.join(each.waits_for)}" if each.waits_for else ""), as_json=False
        )
    share = f", canary {found.rollout.canary} at {found.rollout.percent:g}%" if found.rollout.canary else ""
    show(f"rollout: {found.rollout.status}, stable {found.rollout.stable or '-'}{share}", as_json=False)
