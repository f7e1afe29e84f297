"""One model on a suite without and with its adapter, row by row: forgotten, not forgotten, or not known."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import Field

from luthier.domain.answers import Answer
from luthier.domain.compare import PairedDifference, paired_difference
from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.errors import EmptySample, Refused, UserError
from luthier.evaluate.metrics import Attempt, chosen
from luthier.evaluate.metrics.metric import Metric

CALLED = "evaluation.forgetting"
KIND = "kind"


class GeneralScores(Value):
    """What one model answered on a suite."""

    model: str
    adapter: str | None
    suite: str = Field(description="Digest of the rows that were asked.")
    metric: str
    scores: Mapping[str, float] = Field(description="Row id -> score.")
    kinds: Mapping[str, Measurement] = Field(description="Kind of task -> figure; `all` is all of them.")


class Forgetting(Value):
    """The verdict on an adapter, and what it rests on."""

    adapter: str
    suite: str
    before: Mapping[str, Measurement]
    after: Mapping[str, Measurement]
    difference: PairedDifference
    tolerance: float
    verdict: Verdict


def score_suite(
    rows: Sequence[Example], answers: Sequence[Answer], *, metric: str, model: str, adapter: str | None, suite: str
) -> GeneralScores:
    """Every row's score, and the figures per kind of task; no answer is never right."""
    if not rows:
        raise EmptySample(CALLED)
    [member] = chosen(CALLED, [metric]).values()
    attempts = [Attempt(answer=answer.text, example=row) for row, answer in zip(rows, answers, strict=True)]
    found = member.scores(attempts)
    scores = {row.id: score for row, score in zip(rows, found, strict=True) if score is not None}
    if member.pooled is not None or len(scores) < len(rows):
        raise UserError(
            f"{metric!r} does not score every row of the suite by itself", hint=f"name exact_match or f1 in `{CALLED}`"
        )
    return GeneralScores(
        model=model, adapter=adapter, suite=suite, metric=metric, scores=scores, kinds=_kinds(rows, scores, member)
    )


def judge_forgetting(before: GeneralScores, after: GeneralScores, *, tolerance: float, seed: int) -> Forgetting:
    """Pass when the paired interval shows a drop smaller than `tolerance`, fail when it shows a larger one.

    A model that could do next to nothing has nothing to forget, and on few rows a drop of `tolerance` may not have
    shown itself: both are no evidence. Fewest rows: where none got worse, the share that would is below 3 / n at 95%
    (Hanley & Lippman-Hand, JAMA 249 (1983)).
    """
    if (before.suite, before.metric) != (after.suite, after.metric) or before.scores.keys() != after.scores.keys():
        raise Refused("the model was not asked the same rows before and after", hint="measure both again")
    if after.adapter is None or before.adapter is not None:
        raise Refused("what came before must have no adapter, and what came after one")
    had, has = list(before.scores.values()), [after.scores[row] for row in before.scores]
    found = paired_difference(before.metric, "tuned", "base", has, had, seed=seed)
    return Forgetting(
        adapter=after.adapter, suite=before.suite, before=before.kinds, after=after.kinds, difference=found,
        tolerance=tolerance, verdict=_verdict(found, before.kinds["all"].value, tolerance),
    )  # fmt: skip


def _verdict(found: PairedDifference, had: float, tolerance: float) -> Verdict:
    said = (
        f"general ability ({found.metric}) went from {had:.3f} to {had + found.difference:.3f}, by "
        f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f}, n = {found.n}); {tolerance:.3f} may be lost"
    )
    if had < 2 * tolerance:
        return _open(f"{said}; the base model could do too little of it to show a loss, name a suite that it can do")
    if found.high < -tolerance:
        return Verdict(outcome="fail", reasons=(f"{said}; train fewer steps, at a lower rate or rank, or mix in rows",))
    if found.n < math.ceil(3 / tolerance):
        return _open(f"{said}; {math.ceil(3 / tolerance)} rows or more are needed to see so small a loss")
    if found.low >= -tolerance:
        return Verdict(outcome="pass", reasons=(said,))
    return _open(f"{said}; more rows would decide")


def _open(reason: str) -> Verdict:
    return Verdict(outcome="not_enough_evidence", reasons=(reason,))


def _kinds(rows: Sequence[Example], scores: Mapping[str, float], metric: Metric) -> dict[str, Measurement]:
    parts: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        parts["all"].append(scores[row.id])
        if KIND in row.strata:
            parts[row.strata[KIND]].append(scores[row.id])
    return {kind: metric.measure(found) for kind, found in parts.items()}
