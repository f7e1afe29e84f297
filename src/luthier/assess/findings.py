"""What the measured baselines say together: the best of each step, what they fail at, and which gaps remain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from luthier.assess.config import AssessConfig, CharterConfig
from luthier.assess.failures import (
    BEHAVIOUR,
    Kinds,
    Yardstick,
    failure_table,
    kinds_by_row,
    known_values,
    lacking,
    share_with,
)
from luthier.assess.kpis import figure_of
from luthier.assess.targets import stands_in
from luthier.assess.types import Baseline, BaselineKind, Evidence
from luthier.assess.wording import Wording
from luthier.domain.decisions import FailureGroup, FailureTable
from luthier.domain.measure import Measurement
from luthier.domain.verdicts import Verdict, combine, judge


@dataclass(frozen=True)
class Findings:
    """Everything that the verdict's rules ask, worked out once."""

    charter: CharterConfig
    config: AssessConfig
    evidence: Evidence

    @cached_property
    def yardstick(self) -> Yardstick:
        """What answers are held against."""
        return Yardstick(
            metric=self.config.metric,
            tools=self.evidence.tools,
            known=known_values(self.evidence.training, self.evidence.tools),
            passages=self.evidence.passages,
            wording=Wording.of(self.charter),
        )

    @cached_property
    def kinds(self) -> Mapping[str, Mapping[str, Kinds]]:
        """Baseline -> row -> ways to fail; variants tuned here and copied answers say nothing of prompting."""
        return {
            baseline.variant.name: kinds_by_row(baseline.report.cases, self.yardstick)
            for baseline in self.evidence.baselines
            if baseline.kind in {"prompt", "few_shot", "rag"}
        }

    @cached_property
    def tables(self) -> tuple[FailureTable, ...]:
        """How each prompted baseline failed, in the order given."""
        return tuple(
            failure_table(baseline, self.kinds[baseline.variant.name], tools=self.evidence.tools, config=self.config)
            for baseline in self.evidence.baselines
            if baseline.variant.name in self.kinds
        )

    @cached_property
    def prompting(self) -> Baseline | None:
        """The baseline without retrieval that failed on the fewest rows."""
        return self._best("prompt", "few_shot")

    @cached_property
    def retrieving(self) -> Baseline | None:
        """The baseline with retrieval that failed on the fewest rows."""
        return self._best("rag")

    @cached_property
    def remaining(self) -> FailureTable | None:
        """The failures of the baseline that behaved best: what neither prompt nor retrieval has solved."""
        return min(self.tables, key=lambda table: self._misbehaviour(table.variant).value, default=None)

    @cached_property
    def behaviour_gaps(self) -> tuple[FailureGroup, ...]:
        """Systematic ways to misbehave that remain although every baseline misbehaves systematically."""
        line = self.config.systematic_share
        if not self.tables or any(self._misbehaviour(table.variant).low <= line for table in self.tables):
            return ()
        groups = self.remaining.groups if self.remaining else ()
        return tuple(group for group in groups if group.kind in BEHAVIOUR and group.is_systematic)

    @property
    def has_behaviour_gap(self) -> bool:
        """Whether wrong format, tool, copying or wording is systematic and can be labelled."""
        return any(group.is_labelable for group in self.behaviour_gaps)

    @cached_property
    def knowledge_gap(self) -> FailureGroup | None:
        """Rows that the best prompt gets wrong for want of a fact, where they are systematic."""
        table = self._table(self.prompting)
        group = table.group("missing_fact") if table else None
        return group if group and group.is_systematic else None

    @cached_property
    def solved_by_retrieval(self) -> Measurement | None:
        """Of the rows that lacked a fact without retrieval, the share that no longer does with it."""
        if self.prompting is None or self.retrieving is None:
            return None
        before, after = (self.kinds[each.variant.name] for each in (self.prompting, self.retrieving))
        lacked = [row for row, kinds in before.items() if "missing_fact" in kinds]
        if not lacked:
            return None
        solved = sum("missing_fact" not in after.get(row, frozenset()) for row in lacked)
        return Measurement.of_proportion("solved_by_retrieval", solved, n=len(lacked))

    @cached_property
    def held_by_knowledge_base(self) -> Measurement | None:
        """Of the rows that lack a fact, the share whose facts all stand in some passage."""
        if self.prompting is None or not self.evidence.passages:
            return None
        kinds, text = self.kinds[self.prompting.variant.name], "\n".join(self.evidence.passages.values())
        lacked = [c for c in self.prompting.report.cases if "missing_fact" in kinds.get(c.example_id, frozenset())]
        if not lacked:
            return None
        held = sum(all(stands_in(value, text) for value in lacking(case, self.yardstick)) for case in lacked)
        return Measurement.of_proportion("held_by_knowledge_base", held, n=len(lacked))

    @cached_property
    def prompt_verdict(self) -> Verdict | None:
        """The best prompt against every KPI that an evaluation can measure."""
        return self._against_kpis(self.prompting)

    @cached_property
    def rag_verdict(self) -> Verdict | None:
        """The best retrieval baseline against every KPI that an evaluation can measure."""
        return self._against_kpis(self.retrieving)

    def rows_asked(self) -> int:
        """Rows of the smallest report that was read."""
        return min((len(baseline.report.cases) for baseline in self.evidence.baselines), default=0)

    def _best(self, *kinds: BaselineKind) -> Baseline | None:
        of_kind = [baseline for baseline in self.evidence.baselines if baseline.kind in kinds]
        return min(of_kind, key=lambda each: len(self.kinds[each.variant.name]) / len(each.report.cases), default=None)

    def _table(self, baseline: Baseline | None) -> FailureTable | None:
        return next((table for table in self.tables if baseline and table.variant == baseline.variant.name), None)

    def _misbehaviour(self, variant: str) -> Measurement:
        n = next(table.failed.n for table in self.tables if table.variant == variant)
        return share_with(self.kinds[variant], BEHAVIOUR, name="misbehaviour", n=n)

    def _against_kpis(self, baseline: Baseline | None) -> Verdict | None:
        if baseline is None:
            return None
        verdicts = [
            judge(figure, kpi.line)
            for kpi in self.charter.kpis
            if (figure := figure_of(kpi, baseline.report)) is not None
        ]
        return combine(verdicts) if verdicts else None


def unmeasured_kpis(charter: CharterConfig, baselines: Sequence[Baseline]) -> tuple[str, ...]:
    """KPIs that no report has a figure for, so that only production can tell."""
    return tuple(kpi.name for kpi in charter.kpis if not any(figure_of(kpi, each.report) for each in baselines))
