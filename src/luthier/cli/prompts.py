"""`luthier prompts`: versions of prompts, what was measured and released with each, and how two differ."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.lifecycle.prompts import PromptVersion, diff_prompts, find_prompt, prompt_versions
from luthier.lifecycle.report.words import short, told

app = typer.Typer(no_args_is_help=True)
VersionArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The start of a version's hash, a release, or a file (the text in it now).")
]


@app.callback()
def prompts() -> None:
    """List versions of prompts with what was measured of each, show one, or set two against each other."""


@app.command("list")
def list_prompts(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print every version with the reports and releases made with it."""
    with opened(project, assignments, as_json=True) as work:
        found = prompt_versions(work)
    if as_json:
        show([each.model_dump(mode="json") for each in found], as_json=True)
        return
    rows = [
        [short(each.version), ", ".join(each.files) or "-", "yes" if each.is_current else "no",
         ", ".join(dict.fromkeys(use.name for use in each.uses)) or "not measured", ", ".join(each.releases) or "-"]
        for each in found
    ]  # fmt: skip
    table(("version", "file", "current", "reports", "releases"), rows, title="Prompt versions")


@app.command("show")
def show_prompt(
    version: VersionArgument,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print one version's text and the figures of what was made with it."""
    with opened(project, assignments, as_json=True) as work:
        found = find_prompt(prompt_versions(work), version)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    show("\n".join([*_figures(found), "", found.text]), as_json=False)


@app.command("diff")
def diff(
    one: VersionArgument,
    other: VersionArgument,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what two versions say differently, with the figures of each; `evaluate compare` tells which is better."""
    with opened(project, assignments, as_json=True) as work:
        versions = prompt_versions(work)
        found = diff_prompts(find_prompt(versions, one), find_prompt(versions, other))
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    lines = found.lines or ("the texts are the same",)
    show("\n".join([*_figures(found.one), *_figures(found.other), "", *lines]), as_json=False)


def _figures(found: PromptVersion) -> Sequence[str]:
    head = f"{short(found.version)} {', '.join(found.files)}{'' if found.is_current else ' (no longer in its file)'}"
    lines = [
        f"  {use.name} {use.at:%Y-%m-%d}: {', '.join(f'{name} {told(each)}' for name, each in use.figures.items())}"
        for use in found.uses
    ] or ["  not measured"]
    return [head, *lines, *([f"  released as {', '.join(found.releases)}"] if found.releases else [])]
