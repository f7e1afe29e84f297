"""The sections of a report in the order of the chain, after the table that a reader came for."""

from collections.abc import Sequence

from luthier.lifecycle.report.blocks import Section
from luthier.lifecycle.report.evidence import (
    data_section,
    decision_section,
    evaluation_section,
    problem_section,
    training_section,
    variants_section,
)
from luthier.lifecycle.report.facts import Facts
from luthier.lifecycle.report.service import (
    costs_section,
    gate_section,
    monitoring_section,
    record_section,
    releases_section,
    rollout_section,
)


def story(facts: Facts) -> Sequence[Section]:
    """Every section; a link that is not done yet says so in its own."""
    return [
        variants_section(facts),
        problem_section(facts),
        data_section(facts),
        decision_section(facts),
        training_section(facts),
        evaluation_section(facts),
        gate_section(facts),
        releases_section(facts),
        rollout_section(facts),
        monitoring_section(facts),
        costs_section(facts),
        record_section(facts),
    ]
