"""`luthier retrieval`: what the knowledge bases say to a question, and how often they find what answers it."""

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.errors import UnknownName
from luthier.lifecycle.knowledge import measured_search, open_index
from luthier.lifecycle.workspace import Workspace
from luthier.variants.config import RetrievalConfig, Search

app = typer.Typer(no_args_is_help=True)
KbArgument = Annotated[str, typer.Argument(help="A name under `retrieval`.")]
SEARCHES: tuple[Search, ...] = ("hybrid", "words", "meaning")


@app.callback()
def retrieval() -> None:
    """Search the knowledge bases, and measure how well."""


@app.command()
def index(
    kb: KbArgument, project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False
) -> None:
    """Index KB as its documents are now; only what changed is cut and encoded again."""
    with opened(project, assignments, as_json=as_json) as work:
        found = open_index(work, kb, _section(work, kb))
    done = found.recut
    told = {"kb": kb, "index": found.digest, "passages": len(found.passages), **(done.model_dump() if done else {})}
    show(told, as_json=as_json)


@app.command()
def search(
    kb: KbArgument,
    question: Annotated[str, typer.Argument(help="Any text.")],
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, max=50, help="Passages; `top_k` by default.")] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the passages of KB that QUESTION finds, with where each stands and what found it."""
    with opened(project, assignments, as_json=True) as work:
        section = _section(work, kb)
        found = open_index(work, kb, section).find(question, top_k or section.top_k)
    if as_json:
        rows = [
            {**each.passage.model_dump(mode="json"), "by_words": each.by_words, "by_meaning": each.by_meaning}
            for each in found
        ]
        show(rows, as_json=True)
        return
    for place, each in enumerate(found, 1):
        ranks = f"words {each.by_words or '-'}, meaning {each.by_meaning or '-'}"
        show(f"[{place}] {each.passage.place} ({ranks})\n{each.passage.text}\n", as_json=False)


@app.command()
def measure(
    kb: KbArgument,
    labels: Annotated[
        Path, typer.Option("--labels", exists=True, dir_okay=False, help="JSON Lines: question, documents, quotes.")
    ],
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print recall and nDCG of KB on labelled questions, with intervals, for both halves and for the two together."""
    with opened(project, assignments, as_json=as_json) as work:
        section = _section(work, kb)
        reports = [
            measured_search(work, kb, section.model_copy(update={"search": search}), labels) for search in SEARCHES
        ]
    if as_json:
        show([report.model_dump(mode="json") for report in reports], as_json=True)
        return
    rows = [
        [report.search, name, f"{figure.value:.3f}", f"{figure.low:.3f}", f"{figure.high:.3f}", str(figure.n)]
        for report in reports
        for name, figure in report.overall.items()
    ]
    table(["search", "metric", "value", "low", "high", "n"], rows)
    for question in reports[0].unanswerable:
        show(f"no passage holds the answer to: {question}", as_json=False)


def _section(work: Workspace, kb: str) -> RetrievalConfig:
    if kb not in work.config.retrieval:
        raise UnknownName("knowledge base", kb, work.config.retrieval.keys())
    return work.config.retrieval[kb]
