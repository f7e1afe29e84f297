"""Facts of a real project: what its store holds, and nothing that it does not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from luthier.cli.main import app
from luthier.domain.answers import Answer
from luthier.domain.interactions import Finding
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.reports import Case, Report
from luthier.domain.value import Value
from luthier.lifecycle.accounts import cost_report
from luthier.lifecycle.report.gather import gather
from luthier.lifecycle.report.write import write
from luthier.lifecycle.workspace import Workspace
from luthier.monitor.stage import FailedCase, Health
from luthier.rollout.config import RolloutConfig
from luthier.rollout.types import Adopted, Event, Killed, Observed, Resumed, Started, Tally
from luthier.store import LedgerEntry

PROJECT = """
project: tiny
charter: {problem: Turn e-mails into calls.}
data: {sources: [{path: rows.jsonl, lawful_basis: contract}]}
variants: {prompt: {model: base, prompt: prompt.md}, tuned: {model: base, prompt: prompt.md, adapter: train}}
evaluation: {benchmarks: [{name: task, metrics: [exact_match, invalid_call]}]}
"""
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = "Anna Berg asks for her refund"


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "luthier.yaml").write_text(PROJECT)
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "prompt.md").write_text("Be brief.")
    with Workspace.open(tmp_path) as opened:
        yield opened


def keep(work: Workspace, link: str, name: str, value: Value) -> None:
    digest = work.keep(value, kind=link)
    work.record(link, name, fingerprint=digest, digest=digest, inputs={})


def report(variant: str, right: int) -> Report:
    cases = tuple(
        Case(example_id=str(row), strata={}, asked=SECRET, ideal="x", fault=None if row < 6 else "not_json",
             answer=Answer(text=SECRET, latency_seconds=0.1 * (row + 1)), scores={"exact_match": float(row < right)})
        for row in range(10)
    )  # fmt: skip
    overall = {
        "exact_match": Measurement.of_proportion("exact_match", right, n=10),
        "invalid_call": Measurement.of_proportion("invalid_call", 4, n=10),
    }
    return Report(variant=variant, variant_digest="v", benchmark="task", gold="g", overall=overall, strata={},
                  cases=cases, seconds=5, cost=Money(amount=Decimal("0.5")))  # fmt: skip


def happened(work: Workspace, *events: tuple[float, Event]) -> None:
    for seq, (hours, event) in enumerate(events):
        at = BEGIN + timedelta(hours=hours)
        work.store.events.append("rollout", seq, event.kind, event.model_dump(mode="json"), at)


def test_a_fresh_project_has_facts_without_figures(work: Workspace) -> None:
    facts = gather(work)
    assert facts.unmeasured == ("prompt", "tuned")
    assert (facts.data, facts.decision, facts.training, facts.health, facts.candidate) == (None,) * 5
    assert {link.state for link in facts.links} == {"due"}
    assert write(work).html == work.home / "report" / "report.html"


def test_variants_are_told_by_kind_with_times_faults_and_money(work: Workspace) -> None:
    keep(work, "evaluate", "prompt/task", report("prompt", 2))
    keep(work, "evaluate", "tuned/task", report("tuned", 6))
    keep(work, "evaluate", "tuned@control/task", report("tuned", 1))
    facts = gather(work)
    assert {each.name: each.kind for each in facts.variants} == {
        "prompt": "baseline",
        "tuned": "tuned",
        "tuned@control": "control",
    }
    assert (facts.candidate, facts.best_baseline, facts.lower_is_better) == ("tuned", "prompt", ("invalid_call",))
    tuned = facts.variant("tuned")
    assert tuned is not None
    assert tuned.faults == {"not_json": 4}
    assert tuned.latency is not None
    assert tuned.latency.median_seconds == pytest.approx(0.55)  # half way between 0.5 and 0.6
    assert tuned.cost is not None
    assert tuned.cost.per_solved == Money(amount=Decimal("0.083333"))  # 0.5 / 6


def test_costs_are_the_ledgers_entries_by_bucket(work: Workspace) -> None:
    for amount in ("0.10", "0.20"):
        entry = LedgerEntry(
            bucket="training", subject="run", quantity=Decimal(1), unit="machine-hour", unit_price=Decimal(amount),
            amount=Decimal(amount), currency="EUR", at=BEGIN,
        )  # fmt: skip
        work.store.ledger.append(entry)
    assert cost_report(work).build == {"training": Money(amount=Decimal("0.30"))}
    assert gather(work).spent == {"training": Money(amount=Decimal("0.30"))}


def test_costs_that_cannot_be_told_are_named_and_stop_no_report(tmp_path: Path, work: Workspace) -> None:
    keep(work, "evaluate", "prompt/task", report("prompt", 2))
    with Workspace.open(tmp_path, assignments=["costs.solved_metric=f1"]) as other:
        facts = gather(other)
    assert facts.costs is None
    assert "has no score 'f1'" in facts.notes[0]


def test_no_text_of_a_row_or_a_user_reaches_any_form(work: Workspace) -> None:
    keep(work, "evaluate", "prompt/task", report("prompt", 2))
    case = FailedCase(interaction_id="i", asked=SECRET, answered=SECRET, why="no answer")
    found = Finding(kind="input_drift", severity="alarm", summary="moved", evidence={}, at=BEGIN)
    health = Health(interactions=1, tests=(), new_words=None, quality=None, findings=(found,), failed=(case,))
    keep(work, "monitor", "", health)
    files = write(work)
    assert gather(work).health is not None
    for path in (files.html, files.markdown, files.json_file):
        assert SECRET not in path.read_text()
        assert "no answer" in path.read_text()


def test_rollouts_switches_and_shares_follow_from_the_events(work: Workspace) -> None:
    rules = RolloutConfig(stages=(5, 100), bake_hours=1)
    bad = Observed(canary={"error_rate": Tally(hits=40, n=40)}, stable={"error_rate": Tally(hits=0, n=40)})
    happened(
        work,
        (0, Adopted(release="r-1")),
        (1, Started(release="r-2", previous="r-1", rules=rules)),
        (3, bad),
        (4, Killed(by="sre", reason="a rehearsal")),
        (5, Resumed(by="sre", reason="over")),
    )
    facts = gather(work)
    assert [(each.release, each.status) for each in facts.rollouts] == [("r-1", "completed"), ("r-2", "reverted")]
    [stage] = facts.rollouts[1].stages
    assert (stage.percent, stage.left_at) == (5, BEGIN + timedelta(hours=3))
    assert stage.verdict is not None
    assert stage.verdict.outcome == "fail"
    assert [(each.kind, each.by) for each in facts.switches] == [("killed", "sre"), ("resumed", "sre")]
    assert [(dict(point.percent), point.killed) for point in facts.traffic] == [
        ({"r-1": 100.0}, False),
        ({"r-1": 95.0, "r-2": 5.0}, False),
        ({"r-1": 100.0}, False),
        ({"r-1": 100.0}, True),
        ({"r-1": 100.0}, False),
    ]


def test_the_commands_print_where_the_report_is_and_what_was_spent(work: Workspace, tmp_path: Path) -> None:
    keep(work, "evaluate", "prompt/task", report("prompt", 2))
    runner, folder = CliRunner(), str(tmp_path)
    told = runner.invoke(app, ["report", "--project", folder, "--out", str(tmp_path / "out")])
    assert told.exit_code == 0, told.stderr
    assert f"report: {tmp_path / 'out' / 'report.html'}" in told.stdout.splitlines()
    assert "prompt\t0.200\t" in told.stdout
    as_json = json.loads(runner.invoke(app, ["report", "--project", folder, "--json"]).stdout)
    assert Path(as_json["files"]["markdown"]).is_file()
    spent = runner.invoke(app, ["costs", "show", "--project", folder])
    assert spent.exit_code == 0, spent.stderr
    assert "prompt\t2\t10\t0.050000\t0.250000\t0.098070 to 0.882112\tEUR" in spent.stdout.splitlines()
    assert json.loads(runner.invoke(app, ["costs", "show", "--project", folder, "--json"]).stdout)["variants"]
