"""The report in its three forms, written side by side."""

from pathlib import Path

from luthier.domain.value import Value
from luthier.lifecycle.report.facts import Facts
from luthier.lifecycle.report.figures import figures
from luthier.lifecycle.report.files import write_texts
from luthier.lifecycle.report.gather import gather
from luthier.lifecycle.report.markdown import markdown
from luthier.lifecycle.report.page import page
from luthier.lifecycle.report.story import story
from luthier.lifecycle.workspace import Workspace


class ReportFiles(Value):
    """Where the report was written."""

    html: Path
    markdown: Path
    json_file: Path


def write(work: Workspace, folder: Path | None = None) -> ReportFiles:
    """The report of the project as it stands, in `folder` or in the project's home."""
    return write_facts(gather(work), folder or work.home / "report")


def write_facts(facts: Facts, folder: Path) -> ReportFiles:
    """The three files, each whole or not there at all; StorageFault where the disk refuses."""
    sections, drawn = story(facts), figures(facts)
    made = ReportFiles(html=folder / "report.html", markdown=folder / "report.md", json_file=folder / "report.json")
    texts = {
        made.html: page(facts, sections, drawn),
        made.markdown: markdown(facts, sections, drawn),
        made.json_file: facts.model_dump_json(indent=2) + "\n",
    }
    write_texts("the report", texts)
    return made
