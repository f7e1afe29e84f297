"""An inspection as a person reads it in a terminal."""

from collections.abc import Iterator, Mapping

from luthier.data.inspect import Inspection, ShownRow


def page(found: Inspection) -> str:
    """The whole inspection as text; the proposal comes last, ready to be copied."""
    return "\n".join(
        [*_head(found), *_figures(found), *found.advice, *_faults(found), *_rows(found), "", *_proposal(found)]
    )


def _head(found: Inspection) -> Iterator[str]:
    read = ", ".join(name if files == 1 else f"{name} ({files:,} files)" for name, files in found.formats.items())
    yield f"{found.path}: {found.rows:,} rows, format {read or 'none'}"


def _figures(found: Inspection) -> Iterator[str]:
    if not found.rows:
        return
    yield f"roles: {_counts(found.roles)}"
    yield f"messages a row: {_counts(found.turns)}"
    for part, figures in found.characters.items():
        yield f"characters of the {part}: {_counts(figures)}"
    scope = "" if found.looked_at == found.rows else f" (of the first {found.looked_at:,} rows)"
    yield f"languages{scope}: {_counts(found.languages)}"
    if found.tags:
        yield f"tags and their different values: {_counts(found.tags)}"
    if found.with_tools:
        yield f"rows with tools or a schema: {found.with_tools:,}"
    if found.with_rejected:
        yield f"rows with a rejected answer: {found.with_rejected:,}"
    if found.liked or found.disliked:
        yield f"answers judged by themselves: {found.liked:,} liked, {found.disliked:,} not"


def _faults(found: Inspection) -> Iterator[str]:
    for why, count in found.left_out.items():
        yield f"no rows: {count:,} records where {why}"
    if found.faults:
        yield f"faults: {found.faults:,}"
        yield from (f"  {fault}" for fault in found.first_faults)


def _rows(found: Inspection) -> Iterator[str]:
    for row in found.shown:
        yield ""
        yield from _row(row)


def _row(row: ShownRow) -> Iterator[str]:
    tags = " ".join(f"{name}={value}" for name, value in row.tags.items())
    yield f"{row.id}  {tags}".rstrip()
    for role, text in row.messages:
        yield f"  {role}: {' '.join(text.split())}"
    if row.liked is not None:
        yield f"  {'liked' if row.liked else 'not liked'}"
    if row.rejected is not None:
        yield f"  rejected: {' '.join(row.rejected.split())}"


def _proposal(found: Inspection) -> Iterator[str]:
    yield "To read it, put this into luthier.yaml:"
    yield ""
    yield found.proposal


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
