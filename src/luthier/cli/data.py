"""`luthier data`: from sources to a frozen snapshot, and what it holds."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.data_contradictions import contradictions, resolve
from luthier.cli.data_expire import expire
from luthier.cli.data_inspect import inspect
from luthier.cli.data_synthesize import synthesize
from luthier.cli.data_withdraw import withdraw
from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import Shown, show
from luthier.data.card import DataCard
from luthier.domain.snapshots import SPLITS, Manifest
from luthier.errors import UserError
from luthier.lifecycle.clusters import Cluster, clusters
from luthier.lifecycle.export import export
from luthier.lifecycle.links.data import settle_data
from luthier.lifecycle.report.datacard import write_card
from luthier.lifecycle.rows import preference_rows, rows_of
from luthier.lifecycle.snapshots import SnapshotDiff, diff, dropped_rows, find_snapshot

app = typer.Typer(no_args_is_help=True)
app.command()(inspect)
app.command()(contradictions)
app.command()(resolve)
app.command()(synthesize)
app.command()(withdraw)
app.command()(expire)


@app.callback()
def data() -> None:
    """Build snapshots and show what they hold."""


@app.command()
def build(
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read, clean, mask, de-duplicate, check, split and freeze; refuses leaks and contradictions by name."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        settled = settle_data(work)
        if as_json:
            manifest = work.fetch(settled.digest, Manifest)
            counts = {str(split): manifest.splits.get(split, 0) for split in SPLITS}
            show(
                {
                    "snapshot": settled.digest,
                    "gold": manifest.gold,
                    "rows": counts,
                    "dropped": dict(manifest.dropped),
                    "preferences": {str(split): rows for split, rows in manifest.preferences.items()},
                },
                as_json=True,
            )


@app.command()
def card(
    out: Annotated[
        Path | None, typer.Option(help="Write the card there as HTML with charts, Markdown and JSON.")
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the data card of the current snapshot, or write it as a page with charts."""
    with opened(project, assignments, as_json=True) as work:
        found = work.fetch(work.require("data", "card"), DataCard)
    if out is not None:
        show([str(path) for path in write_card(found, out)], as_json=as_json)
    else:
        show(found.model_dump(mode="json") if as_json else found.markdown(), as_json=as_json)


@app.command("show")
def show_rows(
    dropped: Annotated[bool, typer.Option("--dropped", help="Rows that were left out, with their reasons.")] = False,
    reason: Annotated[str | None, typer.Option(help="With --dropped: only this reason.")] = None,
    preferences: Annotated[
        bool, typer.Option("--preferences", help="What people prefer: pairs of answers, and answers judged alone.")
    ] = False,
    in_clusters: Annotated[bool, typer.Option("--clusters", help="Rows that say the same, largest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows or clusters at most.")] = 100,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print rows of the current snapshot: those that train, preferences, those that say the same, or those left out."""
    if dropped + preferences + in_clusters > 1:
        raise UserError("one thing is shown at a time", hint="give --dropped, --preferences or --clusters")
    if reason is not None and not dropped:
        raise UserError("--reason tells which rows were left out", hint="add --dropped")
    with opened(project, assignments, as_json=True) as work:
        if dropped:
            show(list(islice(dropped_rows(work, reason), limit)), as_json=as_json)
            return
        if in_clusters:
            found = clusters(work, limit=limit)
            show([each.model_dump(mode="json") for each in found] if as_json else _in_words(found), as_json=as_json)
            return
        kept = preference_rows(work, "train") if preferences else rows_of(work, "train")
        rows = [row.model_dump(mode="json") for row in islice(kept, limit)]
    told = ("id", "messages", "rejected", "liked") if preferences else ("id", "messages")
    show(rows if as_json else [{name: row[name] for name in told} for row in rows], as_json=as_json)


@app.command("diff")
def show_diff(
    before: Annotated[str, typer.Argument(help="A snapshot by the first digits of its digest.")],
    after: Annotated[str, typer.Argument(help="Another one.")] = "current",
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what changed between two snapshots: rows, splits, strata, quality figures, and what became worse."""
    with opened(project, assignments, as_json=True) as work:
        found = diff(work, find_snapshot(work, before), find_snapshot(work, after))
    show(found.model_dump(mode="json") if as_json else _told(found), as_json=as_json)


@app.command("export")
def export_snapshot(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    snapshot: Annotated[str, typer.Option(help="A snapshot by the first digits of its digest.")] = "current",
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a snapshot as a folder of Parquet files that `datasets.load_dataset` opens; preferences in TRL's forms."""
    with opened(project, assignments, as_json=True) as work:
        written = export(work, find_snapshot(work, snapshot), folder)
    show([str(path) for path in written], as_json=as_json)


def _in_words(found: Sequence[Cluster]) -> Shown:
    if not found:
        return "no two rows say the same"
    told = []
    for cluster in found:
        told += ["", f"{1 + len(cluster.others)} rows say the same"]
        for row in (cluster.first, *cluster.others):
            how = row.level if row.level == "first" or row.is_kept else f"{row.level}, left out"
            told.append(f"  {row.id} ({how})" + (f": {' '.join(row.asked.split())[:200]}" if row.asked else ""))
    return "\n".join(told[1:])


def _told(found: SnapshotDiff) -> Shown:
    kinds = {"added": found.added_ids, "removed": found.removed_ids, "changed": found.changed_ids}
    counts = {"added": found.added, "removed": found.removed, "changed": found.changed}
    lines = [f"{found.before[:12]} -> {found.after[:12]}, {found.unchanged} rows unchanged"]
    lines += [f"{counts[kind]} rows {kind}" + (f": {', '.join(ids)}" if ids else "") for kind, ids in kinds.items()]
    lines += [
        f"{move.rows} rows moved from {move.before} to {move.after}: {', '.join(move.ids)}" for move in found.moved
    ]
    lines += [f"{name}: {old} -> {new}" for name, (old, new) in found.figures.items()]
    return "\n".join([*lines, *(f"worse: {each}" for each in found.regressions)])
