"""A person takes their consent back: their rows erased, what rests on them named, and their absence proven."""

from collections.abc import Collection, Iterator

from luthier.data.plan.cleaning import hidden
from luthier.domain.value import Json
from luthier.domain.withdrawals import (
    AffectedRelease,
    AffectedRun,
    Erased,
    Holdings,
    RetrainPlan,
    Standing,
    WithdrawalReport,
    WithdrawalStatus,
    person_key,
)
from luthier.errors import Forbidden, NotFound, UserError
from luthier.lifecycle.erasing import Eraser
from luthier.lifecycle.erasing_records import erase_records, erase_work_files, interactions_of
from luthier.lifecycle.export import copies_of
from luthier.lifecycle.holdings import Person, holdings, ids_of, listed_in, person_of, roles
from luthier.lifecycle.salt import project_salt
from luthier.lifecycle.withdrawn import Asked, Completed, Found, Withdrawal, record, withdrawals
from luthier.lifecycle.workspace import Workspace
from luthier.store import Principal
from luthier.text.pii import take_out

MAY_WITHDRAW = frozenset({"steward", "admin", "engineer"})
_MIN_REASON = 3
_STANDINGS: dict[bool, Standing] = {True: "open", False: "done"}
"""By whether something is left to do."""


def keys_of(work: Workspace, name: str) -> tuple[str, ...]:
    """The salted keys of a subject or row id, as it stands in the source and as `luthier data show` prints it."""
    if not name.strip():
        raise UserError(
            "the subject is empty", hint="name a person as `subject` in the source does, or a row by its id"
        )
    salt = project_salt(work)
    shown = hidden([name.strip()], work.config.data.pii, salt)
    return tuple(dict.fromkeys(person_key(each, salt) for each in [name, *shown]))


def find(work: Workspace, name: str) -> Holdings:
    """Where the person's rows are; nothing is changed."""
    return holdings(work, person_of(work, keys_of(work, name)))


def withdraw(work: Workspace, name: str, *, by: Principal, reason: str) -> WithdrawalReport:
    """All that was found and erased of a person; whoever was killed in the middle runs it again.

    Args:
        work: The project, whose lease the caller holds.
        name: A subject, a row's id, or a user as applications name them. No more than its salted key is kept.
        by: Who does it, known by their own credential.
        reason: Kept for ever, with personal data masked.

    Raises:
        Forbidden: Their role may not.
        UserError: The name is empty, or the reason is missing or tells the name.

    """
    if not by.roles & MAY_WITHDRAW:
        told = ", ".join(sorted(MAY_WITHDRAW))
        raise Forbidden(f"{by.name!r} may not withdraw rows", hint=f"the roles that may: {told}")
    keys = keys_of(work, name)
    withdrawal = _asked(work, keys, name, by.name, reason)
    person = person_of(work, keys)
    found = _found(work, withdrawal, person)
    eraser = Eraser(
        work, person, ids_of(work, person), interactions_of(work, name.strip()), withdrawal.asked.id, by.name
    )
    eraser.erase_artifacts()
    erase_records(eraser)
    erase_work_files(eraser)
    erased = Erased.model_validate(dict(eraser.counts))
    record(work, Completed(id=withdrawal.asked.id, erased=erased))
    detail: dict[str, Json] = {"withdrawal": withdrawal.asked.id, **erased.model_dump(mode="json")}
    work.store.audit.append(by.name, "data.withdrawn", keys[0], detail, now=work.clock())
    return WithdrawalReport(
        withdrawal=withdrawal.asked.id, holdings=found, erased=erased, plan=_plan(work, withdrawal.asked, found)
    )


def retrain_plan(work: Workspace, withdrawal: str) -> RetrainPlan:
    """What is still to be done about one withdrawal."""
    known = withdrawals(work)
    if withdrawal not in known:
        raise NotFound(f"no withdrawal is called {withdrawal!r}", hint="list them with `luthier status`")
    return _plan(work, known[withdrawal].asked, known[withdrawal].found or Holdings(snapshots=(), runs=(), releases=()))


def standings(work: Workspace) -> tuple[WithdrawalStatus, ...]:
    """Every withdrawal as it stands; one is done when neither data nor a model in use rests on the rows."""
    return tuple(_standing(work, each) for each in withdrawals(work).values())


def _asked(work: Workspace, keys: Collection[str], name: str, by: str, reason: str) -> Withdrawal:
    """The withdrawal of these keys; the one there is, or a new one."""
    known = withdrawals(work)
    for each in known.values():
        if set(each.asked.keys) == set(keys):
            return each
    if name.strip().casefold() in reason.casefold():
        raise UserError("the reason tells whose rows they are", hint="say why; a salted key tells whose they are")
    masked = take_out(reason.strip(), "mask", "").text
    if len(masked) < _MIN_REASON:
        raise UserError("a withdrawal needs a reason", hint="say why with --reason, such as the letter it came in")
    asked = Asked(id=f"withdrawal-{len(known) + 1}", keys=tuple(keys), by=by, reason=masked)
    record(work, asked)
    detail: dict[str, Json] = {"withdrawal": asked.id, "reason": masked}
    work.store.audit.append(by, "data.withdraw", asked.keys[0], detail, now=work.clock())
    return Withdrawal(asked=asked)


def _found(work: Workspace, withdrawal: Withdrawal, person: Person) -> Holdings:
    """What was found before anything was erased: worked examples are not to be seen afterwards."""
    if withdrawal.erased is None and withdrawal.found is not None:
        return withdrawal.found
    found = holdings(work, person)
    if withdrawal.found is not None:
        shown = [each for each in withdrawal.found.releases if each.why == "worked_examples"]
        kept = [each for each in shown if each.release not in {now.release for now in found.releases}]
        found = found.model_copy(update={"releases": (*found.releases, *kept)})
    record(work, Found(id=withdrawal.asked.id, holdings=found))
    return found


def _plan(work: Workspace, asked: Asked, found: Holdings) -> RetrainPlan:
    person, role = person_of(work, asked.keys), roles(work)
    current = work.latest("data")
    needs_build = bool(current and listed_in(work, current, person))
    last = {work.latest("train"), work.latest("train", "control")}
    runs = tuple(each.model_copy(update={"is_current": each.run in last}) for each in found.runs)
    releases = tuple(each.model_copy(update={"serves_as": role(each.release)}) for each in found.releases)
    return RetrainPlan(
        withdrawal=asked.id,
        needs_build=needs_build,
        runs=runs,
        releases=releases,
        steps=(*_steps(needs_build, runs, releases), *_copies(work, found)),
    )


def _steps(needs_build: bool, runs: Collection[AffectedRun], releases: Collection[AffectedRelease]) -> Iterator[str]:
    if needs_build:
        yield "build the snapshot without the rows: luthier data build"
    for run in runs:
        if run.is_current:
            rows = run.trained_rows + run.validation_rows
            yield f"train again: run {run.run[:12]} (adapter {run.adapter[:12]}) saw {rows} of the rows: luthier run"
    for made in releases:
        if made.serves_as is not None:
            how = {
                "adapter": "learned from",
                "copied_rows": "copies answers of",
                "worked_examples": "was measured with",
            }
            yield (
                f"replace release {made.release} of {made.variant}, which serves as {made.serves_as} and "
                f"{how[made.why]} {made.rows} of the rows: luthier release propose, then luthier rollout start"
            )


def _copies(work: Workspace, found: Holdings) -> Iterator[str]:
    """Exports of the snapshots that held the rows, while they lie where they were written."""
    for folder, snapshot in copies_of(work, [each.snapshot for each in found.snapshots]):
        yield f"delete or replace the export of snapshot {snapshot[:12]} in {str(folder)!r}, which holds the rows"


def _standing(work: Workspace, withdrawal: Withdrawal) -> WithdrawalStatus:
    asked, found = withdrawal.asked, withdrawal.found or Holdings(snapshots=(), runs=(), releases=())
    plan = _plan(work, asked, found)
    steps, standing = plan.steps, _STANDINGS[bool(plan.steps)]
    if withdrawal.erased is None:
        cut_off = "the erasure was cut off: run `luthier data withdraw` for the same person again"
        steps, standing = (cut_off, *steps), "erasing"
    return WithdrawalStatus(
        id=asked.id, by=asked.by, reason=asked.reason, standing=standing, needs_build=plan.needs_build, waits_for=steps
    )
