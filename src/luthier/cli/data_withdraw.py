"""`luthier data withdraw`: a person takes their consent back."""

from typing import Annotated

import typer

from luthier.cli.opened import opened, signed_in
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.domain.withdrawals import Holdings, WithdrawalReport
from luthier.errors import UserError
from luthier.lifecycle.absence import prove_absence
from luthier.lifecycle.withdrawal import find, keys_of
from luthier.lifecycle.withdrawal import withdraw as withdraw_rows


def withdraw(
    subject: Annotated[str, typer.Argument(help="A subject as its source names it, a row's id, or a user's name.")],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why; kept in the audit log for ever, personal data masked.")
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Print where the rows are and change nothing.")] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Check that nothing of theirs is kept, and keep the proof; change nothing.")
    ] = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase SUBJECT's rows wherever they are kept, as the holder of LUTHIER_KEY, and say what must be trained again."""
    if sum([reason is not None, only_list, prove]) != 1:
        raise UserError("one thing is done at a time", hint="give --reason to withdraw, or --list, or --prove")
    with opened(project, assignments, as_json=as_json) as work:
        if only_list:
            found = find(work, subject)
            _show_holdings(found, as_json=as_json)
            return
        with work.alone():
            if prove:
                proof = prove_absence(work, work.require("data"), keys_of(work, subject))
                show(proof.model_dump(mode="json"), as_json=as_json)
                return
            told = withdraw_rows(work, subject, by=signed_in(work), reason=reason or "")
    if as_json:
        show(told.model_dump(mode="json"), as_json=True)
    else:
        _show_report(told)


def _show_report(told: WithdrawalReport) -> None:
    _show_holdings(told.holdings, as_json=False)
    erased = {name.replace("_", " "): count for name, count in told.erased.model_dump().items() if count}
    counts = ", ".join(f"{count} {name}" for name, count in erased.items())
    show(f"{told.withdrawal}: erased {counts or 'nothing: nothing more was there'}", as_json=False)
    for step in told.plan.steps:
        show(f"to do: {step}", as_json=False)
    show("copies elsewhere, and the sources themselves, are not Luthier's to change", as_json=False)


def _show_holdings(found: Holdings, *, as_json: bool) -> None:
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    if found.is_empty:
        show("no snapshot, run or release holds anything under this name", as_json=False)
        return
    rows = [
        [each.snapshot[:12] + (" (current)" if each.is_current else ""), split, str(count)]
        for each in found.snapshots
        for split, count in sorted(each.rows.items())
    ]
    table(["snapshot", "split", "rows"], rows)
    models = [
        ["training run", run.run[:12], f"adapter {run.adapter[:12]}", str(run.trained_rows + run.validation_rows), "-"]
        for run in found.runs
    ]
    models += [
        ["release", made.release, made.why.replace("_", " "), str(made.rows), made.serves_as or "-"]
        for made in found.releases
    ]
    if models:
        table(["model", "name", "by", "rows", "serves as"], models)
