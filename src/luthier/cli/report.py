"""`luthier report`: everything that is known of the project, on one page."""

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.lifecycle.report.gather import gather
from luthier.lifecycle.report.summary import summary_lines, variants_table
from luthier.lifecycle.report.write import write_facts

app = typer.Typer()


@app.command()
def report(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to.", show_default="`report` in the project's home")
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the report as HTML, Markdown and JSON, and print its summary; what is not measured yet is named so."""
    with opened(project, assignments, as_json=True) as work:
        facts = gather(work)
        files = write_facts(facts, out or work.home / "report")
    paths = {"html": str(files.html), "markdown": str(files.markdown), "json": str(files.json_file)}
    if as_json:
        show({"files": paths, "facts": facts.model_dump(mode="json")}, as_json=True)
        return
    variants = variants_table(facts)
    if variants.rows:
        table(variants.head, [[cell.text for cell in cells] for cells in variants.rows], title=variants.caption)
    for line in summary_lines(facts):
        show(line, as_json=False)
    show(f"report: {files.html}", as_json=False)
