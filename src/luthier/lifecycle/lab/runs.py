"""The run table: every training run of a project, also those that were ended early, with the names people gave them."""

from collections.abc import Sequence
from datetime import datetime

from luthier.domain.runs import TrainingRun
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.errors import NotFound, UserError
from luthier.lifecycle.workspace import Workspace
from luthier.store import LinkState
from luthier.train.lab.comparing import Clause, matching
from luthier.train.lab.overfitting import overfitting

LINK, ALIAS = "train", "run_alias"
TUNING = "tuning"
FEWEST_DIGITS = 4


class RunEntry(Value):
    """One line of the run table; `number` counts from 1 and never changes."""

    number: int
    name: str
    aliases: tuple[str, ...]
    at: datetime
    state: LinkState
    reason: str
    record: str | None
    """Digest of the run's record; None where it left none."""
    run: TrainingRun | None

    @property
    def overfitting(self) -> Verdict | None:
        """Whether it overfits; None for a run without a record."""
        return overfitting(self.run.curve, kept=self.run.best_step) if self.run else None


def run_table(work: Workspace, clauses: Sequence[Clause] = ()) -> list[RunEntry]:
    """Every run that fulfils the conditions, oldest first; runs without a record only where there are none."""
    aliases = _aliases(work)
    rows = [row for row in work.store.links.history(work.project) if row.link == LINK]
    entries = []
    for number, row in enumerate(rows, start=1):
        run = work.fetch(row.digest, TrainingRun) if row.digest else None
        names = tuple(name for name, digest in aliases.items() if digest == row.digest)
        entries.append(
            RunEntry(
                number=number, name=row.name or TUNING, aliases=names, at=row.at, state=row.state, reason=row.reason,
                record=row.digest, run=run,
            )
        )  # fmt: skip
    if not clauses:
        return entries
    measured = [entry for entry in entries if entry.run]
    kept = matching([entry.run for entry in measured if entry.run], clauses)
    return [entry for entry, is_kept in zip(measured, kept, strict=True) if is_kept]


def find_run(work: Workspace, wanted: str) -> RunEntry:
    """The run of a number, alias, name (its newest) or beginning of a digest; NotFound or UserError otherwise."""
    entries = run_table(work)
    by_name = [
        [entry for entry in entries if str(entry.number) == wanted.removeprefix("#")],
        [entry for entry in entries if wanted in entry.aliases],
        [entry for entry in entries if entry.name == wanted and entry.run],
    ]
    for found in by_name:
        if found:
            return found[-1]
    near = [entry for entry in entries if (entry.record or "").startswith(wanted) and len(wanted) >= FEWEST_DIGITS]
    if len({entry.record for entry in near}) > 1:
        raise UserError(f"{wanted!r} begins more than one run", hint="give more of the digest, or the run's number")
    if near:
        return near[-1]
    raise NotFound(f"no run is called {wanted!r}", hint="list them: luthier train runs list")


def require_record(entry: RunEntry) -> TrainingRun:
    """The record of a run; NotFound for one that was ended early."""
    if entry.run is None:
        raise NotFound(
            f"run {entry.number} ({entry.name}) left no record: {entry.reason}", hint="choose a finished run"
        )
    return entry.run


def name_run(work: Workspace, wanted: str, alias: str) -> RunEntry:
    """The run under one more name; the name leaves whatever run had it."""
    if alias.isdigit() or not alias.strip() or alias.startswith("#"):
        raise UserError(f"{alias!r} cannot name a run", hint="choose a word; numbers are the table's own")
    entry = find_run(work, wanted)
    record = require_record(entry)
    if entry.record is None:
        raise NotFound(f"run {entry.number} has no digest", hint="choose a finished run")
    taken = {each.name for each in run_table(work)}
    if alias in taken:
        raise UserError(f"{alias!r} is what the table calls a run already", hint="choose another name")
    work.record(ALIAS, alias, fingerprint=record.digest, digest=entry.record, inputs={"run": entry.record})
    return find_run(work, alias)


def _aliases(work: Workspace) -> dict[str, str]:
    """Alias -> digest of the run that it names now."""
    rows = [row for row in work.store.links.history(work.project) if row.link == ALIAS and row.digest]
    return {row.name: str(row.digest) for row in rows}
