"""What the project has cost so far: the ledger and the reports, brought before the costs stage."""

from collections.abc import Sequence

from luthier.costs.stage import run
from luthier.costs.types import Cost, CostReport
from luthier.domain.reports import Report
from luthier.lifecycle.links.evaluation import report_name
from luthier.lifecycle.workspace import Workspace


def cost_report(work: Workspace) -> CostReport:
    """Everything spent so far, per bucket and per variant, as the ledger and the reports tell it."""
    entries = work.store.ledger.entries()
    costs = [Cost(bucket=each.bucket, amount=each.amount, currency=each.currency) for each in entries]
    return run(work.config.costs, costs, measured_reports(work))


def measured_reports(work: Workspace) -> Sequence[Report]:
    """The last report of every variant on the first benchmark: one per variant, on the same rows."""
    benchmark = work.config.evaluation.benchmarks[0]
    kept = [work.latest("evaluate", report_name(name, benchmark)) for name in work.config.variants]
    return [work.fetch(digest, Report) for digest in kept if digest is not None]
