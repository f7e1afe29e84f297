"""The examination of a judge: does it agree with people, and better than one that looks at nothing (R76, B7)."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

from pydantic import Field

from luthier.domain.agreement import (
    Array,
    Coefficient,
    Scale,
    averaged,
    fleiss_kappa,
    interval,
    krippendorff,
    mean_kappa,
)
from luthier.domain.digests import digest_of
from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.domain.verdicts import Threshold, Verdict, combine, judge
from luthier.errors import EmptySample
from luthier.evaluate.judges.config import JudgeConfig, LicenceConfig
from luthier.evaluate.judges.degenerate import degenerate_judges
from luthier.evaluate.judges.items import UNREADABLE, Label, Labelled
from luthier.evaluate.judges.panel import Opinion


class Rival(Value):
    """A degenerate judge on the same labels, and how much better the judge is."""

    agreement: float = Field(description="Its mean kappa with people.")
    lead: float
    low: float
    high: float


class Licence(Value):
    """What a judge showed on people's labels; it holds for this judge and these labels alone."""

    judge: str
    judge_digest: str = Field(description="Of its words, its model and how it is asked.")
    labels: str = Field(description="Digest of the labels.")
    asked_for: LicenceConfig = Field(description="What it was to show.")
    n: int
    people: tuple[str, ...]
    agreement: Measurement = Field(description="Mean Cohen's kappa of the judge with each person.")
    each: Mapping[str, Measurement] = Field(description="Person -> kappa of the judge with them.")
    alpha_with: Measurement | None = Field(description="Krippendorff's alpha of the people and the judge together.")
    among_people: Measurement | None = Field(
        description="Mean kappa of the people with each other; None where no two share items."
    )
    alpha_among: Measurement | None = Field(description="Krippendorff's alpha of the people alone.")
    fleiss_among: Measurement | None = Field(description="Where everybody labelled everything.")
    rivals: Mapping[str, Rival]
    unreadable: int = Field(ge=0, description="Items without a readable verdict; each counts as a disagreement.")
    votes: Mapping[str, int] = Field(description="How often each verdict was given, unreadable and unanswered too.")
    order_bound: int = Field(ge=0, description="Pairs that were judged by the place of the answers.")
    checks: Mapping[str, Verdict]
    verdict: Verdict


def examine(
    name: str, config: JudgeConfig, rows: Sequence[Labelled], given: Sequence[Opinion], *, judge_digest: str
) -> Licence:
    """The judge's licence, or the reasons why it has none.

    It passes when the lower bound of its agreement reaches `licence.agreement`, the interval of its lead over every
    degenerate judge lies above zero, its verdicts can be read, and there are labels enough. All must hold at once, so
    no correction for several looks is due. Resamples are of whole groups: answers to one question stand and fall
    together.
    """
    if not rows:
        raise EmptySample("license-judge")
    exam = _Exam(config, rows)
    labels: list[Label] = [opinion.label for opinion in given]
    rivals = exam.rivals(labels, degenerate_judges(config, rows))
    agreement = exam.measured(exam.kappa(labels))
    unreadable = sum(label == UNREADABLE for label in labels)
    checks = {
        "rows": _enough(len(rows), config.licence.minimum_rows),
        "readable": _readable(unreadable, len(rows), config.licence.unreadable),
        "agreement": _reaches(agreement, config.licence.agreement),
        **{f"beats:{rival}": _leads(rival, found) for rival, found in rivals.items()},
    }
    return Licence(
        judge=name, judge_digest=judge_digest, labels=labels_digest(rows), asked_for=config.licence,
        n=len(rows), people=exam.people,
        agreement=agreement,
        each={person: exam.measured(exam.kappa(labels, [person])) for person in exam.people},
        alpha_with=exam.alpha_with(labels), among_people=exam.among_people(),
        alpha_among=exam.alpha_among(),
        fleiss_among=exam.fleiss_among(), rivals=rivals, unreadable=unreadable,
        votes=dict(sorted(Counter(str(vote) for opinion in given for vote in opinion.votes).items())),
        order_bound=sum(opinion.is_order_bound for opinion in given) if config.kind == "pairwise" else 0,
        checks=checks, verdict=combine(list(checks.values())),
    )  # fmt: skip


def labels_digest(rows: Sequence[Labelled]) -> str:
    """Digest of the items and of what people said of them."""
    return digest_of([row.model_dump(mode="json") for row in rows])


class _Exam:
    """The people's labels, turned into what the coefficients ask for."""

    def __init__(self, config: JudgeConfig, rows: Sequence[Labelled]) -> None:
        self.people = tuple(sorted({name for row in rows for name in row.people}))
        self.groups: list[Hashable] = [row.group for row in rows]
        self.units = [tuple(row.people.get(name) for name in self.people) for row in rows]
        self._scale: Scale = "interval" if config.kind == "rubric" else "nominal"
        self._seed = config.seed

    def kappa(self, labels: Sequence[Label], people: Sequence[str] = ()) -> Coefficient:
        """Mean kappa of these labels with the people named, or with all."""
        places = [self.people.index(name) for name in people or self.people]
        others = [[unit[place] for unit in self.units] for place in places]
        return mean_kappa(labels, others, scale=self._scale, apart=(UNREADABLE,))

    def measured(self, coefficient: Coefficient) -> Measurement:
        """The coefficient with its interval over groups."""
        return coefficient.measured(self.groups, seed=self._seed)

    def alpha_with(self, labels: Sequence[Label]) -> Measurement | None:
        """Alpha of the people and the judge together; what nobody could read is a label that it did not give."""
        own = [None if label == UNREADABLE else label for label in labels]
        return self._alpha([(*unit, label) for unit, label in zip(self.units, own, strict=True)])

    def among_people(self) -> Measurement | None:
        """Mean kappa over all pairs of people who share items: how far a judge could come. None without such a pair."""
        columns = list(zip(*self.units, strict=True))
        kappas = [
            mean_kappa(one, [other], scale=self._scale)
            for one, other in combinations(columns, 2)
            if any(None not in pair for pair in zip(one, other, strict=True))
        ]
        return self.measured(averaged(kappas)) if kappas else None

    def alpha_among(self) -> Measurement | None:
        """Alpha of the people alone, where any two of them share an item."""
        return self._alpha(self.units)

    def _alpha(self, units: Sequence[Sequence[Label | None]]) -> Measurement | None:
        shared = any(len([label for label in unit if label is not None]) > 1 for unit in units)
        return self.measured(krippendorff(units, scale=self._scale)) if shared else None

    def fleiss_among(self) -> Measurement | None:
        """Fleiss' kappa, where at least two people labelled everything."""
        if len(self.people) < 2 or any(None in unit for unit in self.units):
            return None
        return self.measured(fleiss_kappa(self.units))

    def rivals(self, labels: Sequence[Label], degenerate: Mapping[str, Sequence[Label]]) -> dict[str, Rival]:
        """How far the judge's agreement is above each rival's, on the same resamples."""
        mine = self.kappa(labels)
        drawn = mine.draws(self.groups, seed=self._seed)
        return {name: self._rival(mine.value, drawn, self.kappa(theirs)) for name, theirs in degenerate.items()}

    def _rival(self, mine: float, drawn: Array, other: Coefficient) -> Rival:
        low, high = interval(drawn - other.draws(self.groups, seed=self._seed))
        lead = mine - other.value
        return Rival(agreement=other.value, lead=lead, low=min(low, lead), high=max(high, lead))


def _enough(n: int, least: int) -> Verdict:
    if n >= least:
        return Verdict(outcome="pass", reasons=(f"{n} labelled items",))
    return Verdict(outcome="not_enough_evidence", reasons=(f"{n} labelled items, of {least} asked for",))


def _readable(unreadable: int, n: int, most: float) -> Verdict:
    share = Measurement.of_proportion("unreadable", unreadable, n=n)
    return judge(share, Threshold(comparator="<=", limit=most))


def _reaches(agreement: Measurement, least: float) -> Verdict:
    said = f"kappa with people {agreement.value:.3f} ({agreement.low:.3f} to {agreement.high:.3f}, n = {agreement.n})"
    if agreement.low >= least:
        return Verdict(outcome="pass", reasons=(f"{said} reaches {least:g}",))
    if agreement.high < least:
        return Verdict(outcome="fail", reasons=(f"{said} stays below {least:g}",))
    return Verdict(
        outcome="not_enough_evidence", reasons=(f"{said} may lie below {least:g}; more labels would decide",)
    )


def _leads(rival: str, found: Rival) -> Verdict:
    """No better than a judge that looks at nothing is a refusal; perhaps better is not known yet."""
    said = f"leads {rival!r} by {found.lead:+.3f} in kappa ({found.low:+.3f} to {found.high:+.3f})"
    if found.low > 0:
        return Verdict(outcome="pass", reasons=(said,))
    if found.lead <= 0:
        return Verdict(outcome="fail", reasons=(f"{said}: no better than a judge that looks at nothing",))
    return Verdict(outcome="not_enough_evidence", reasons=(f"{said}; more labels would decide",))
