"""`luthier evaluate license-judge` and `judge`: a judge examined on people's labels, and asked of a variant."""

from typing import Annotated

import typer

from luthier.cli.figures import figure
from luthier.cli.opened import ControlOption, ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.errors import NotEnoughEvidence, Refused
from luthier.evaluate.judges.items import UNANSWERED
from luthier.evaluate.judges.licence import Licence
from luthier.evaluate.judges.verdicts import JudgeReport
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.judging import settle_judged, settle_licence, standing_licence
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.training import CONTROL

JudgeArgument = Annotated[str, typer.Argument(help="A judge of the project file, e.g. `helpful`.")]


def license_judge(
    judge: JudgeArgument,
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Examine JUDGE on people's labels: whether it agrees with them, and better than judges that look at nothing."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        found = work.fetch(settle_licence(work, variants, judge).digest, Licence)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
    else:
        _show_licence(found)
    reasons = "; ".join(found.verdict.reasons)
    silent = found.votes.get(UNANSWERED, 0)
    again = f"its engine gave no answer {silent} times; ask again with --force" if silent else ""
    if found.verdict.outcome == "fail":
        raise Refused(
            f"judge {judge!r} is refused a licence: {reasons}", hint=again or "better criteria, or another model"
        )
    if found.verdict.outcome != "pass":
        raise NotEnoughEvidence(f"judge {judge!r} has no licence yet: {reasons}", hint=again or "label more answers")


def judge(
    judge: JudgeArgument,
    variant: Annotated[str, typer.Argument(help="A variant that was measured, e.g. `tuned`.")],
    control: ControlOption = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Have JUDGE look at VARIANT's last answers, and say whether that can gate."""
    label = CONTROL if control else ""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        settled = settle_judged(work, variants, judge, variants.of(variant, run=label), label=label)
        found = work.fetch(settled.digest, JudgeReport)
        may_gate, why = standing_licence(work, variants, judge)
    if as_json:
        show({**found.model_dump(mode="json"), "may_gate": may_gate, "licence": why}, as_json=True)
        return
    show({
        found.figure.metric: figure(found.figure), "unreadable": found.unreadable,
        "judged by place": found.order_bound,
        "verdict": "; ".join(found.verdict.reasons) if found.verdict else "no line to keep",
        "may gate": f"{'yes' if may_gate else 'no'}: {why}",
    }, as_json=False)  # fmt: skip


def _show_licence(found: Licence) -> None:
    figures = {
        "kappa with people": found.agreement,
        **{f"kappa with {person}": figure for person, figure in found.each.items()},
        "kappa among people": found.among_people,
        "alpha among people": found.alpha_among,
        "alpha with the judge": found.alpha_with,
    }
    table(("figure", "value", "n"), [[name, figure(each), str(each.n)] for name, each in figures.items() if each])
    rows = [
        [name, f"{rival.agreement:+.3f}", f"{rival.lead:+.3f} ({rival.low:+.3f} to {rival.high:+.3f})",
         found.checks[f"beats:{name}"].outcome.replace("_", " ")]
        for name, rival in found.rivals.items()
    ]  # fmt: skip
    table(("degenerate judge", "its kappa", "lead over it", "beaten"), rows)
    show({"votes": dict(found.votes), "unreadable items": found.unreadable, "judged by place": found.order_bound},
         as_json=False)  # fmt: skip
    show(f"licence: {found.verdict.outcome.replace('_', ' ')}: {'; '.join(found.verdict.reasons)}", as_json=False)
