"""`luthier config`: the project file as it was understood."""

import json
from typing import Annotated

import typer
from pydantic import JsonValue

from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.project.load import load_project
from luthier.project.reader import dumped
from luthier.project.settings import settings

app = typer.Typer()


@app.command()
def config(
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print a complete project file instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print every value of the project file with where it came from; secrets are masked."""
    loaded = load_project(project, assignments=assignments or ())
    if as_yaml:
        show(dumped(loaded.config).rstrip("\n"), as_json=False)
        return
    found = settings(loaded)
    if as_json:
        show([setting.model_dump(mode="json") for setting in found], as_json=True)
    else:
        rows = [[setting.path, _text(setting.value), setting.origin] for setting in found]
        table(["setting", "value", "from"], rows)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
