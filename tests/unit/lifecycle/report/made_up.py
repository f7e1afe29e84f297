"""Facts of a project that went through the whole chain, made up for the tests of the report."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from luthier.assess.config import CharterConfig
from luthier.costs.config import CostsConfig
from luthier.costs.stage import run as run_costs
from luthier.costs.types import Cost, CostReport
from luthier.data.card import DataCard, Lengths, SourceLine
from luthier.domain.answers import Answer
from luthier.domain.compare import PairedDifference, paired_difference
from luthier.domain.decisions import Decision, ExpertTest, FailureGroup, FailureTable, Trigger
from luthier.domain.interactions import Finding
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.releases import Approval, GateDecision, Override
from luthier.domain.reports import Case, Report
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.domain.verdicts import Threshold, Verdict, judge
from luthier.lifecycle.drill import Drill
from luthier.lifecycle.links.review import Admission
from luthier.lifecycle.report.facts import (
    AuditFacts,
    DrillFacts,
    Facts,
    GateFacts,
    HealthFacts,
    KpiFacts,
    ReleaseFacts,
    RolloutFacts,
    ServedFacts,
    SwitchFacts,
    TrafficPoint,
    VariantFacts,
)
from luthier.lifecycle.report.measured import latency
from luthier.lifecycle.status import LinkStatus
from luthier.monitor.drift import DriftTest
from luthier.rollout.types import StageRecord
from luthier.train.lab.learning import CurveRun, LearningCurve, learning_curve

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
N = 500
SHARES = {
    "nearest": 0.148, "prompt": 0.012, "few_shot": 0.094, "rag": 0.026, "tuned": 0.702, "tuned_rag": 0.914,
    "tuned_rag@control": 0.006,
}  # fmt: skip
INVALID = {
    "nearest": 0.0, "prompt": 0.684, "few_shot": 0.238, "rag": 0.71, "tuned": 0.008, "tuned_rag": 0.006,
    "tuned_rag@control": 0.012,
}  # fmt: skip
STRATA = {
    "difficulty=easy": (260, 0.04), "difficulty=hard": (240, -0.05), "needs_fact=no": (310, 0.05),
    "needs_fact=yes": (190, -0.3), "task_type=create_contact": (120, 0.02), "task_type=log_activity": (140, 0.0),
    "task_type=schedule_meeting": (110, -0.04), "task_type=update_deal": (130, 0.01),
}  # fmt: skip


def share(metric: str, value: float, n: int = N) -> Measurement:
    """A measured share near `value`."""
    return Measurement.of_proportion(metric, round(min(1.0, max(0.0, value)) * n), n=n)


def scores(name: str) -> list[float]:
    """Yes-no scores of every gold row, the same every time."""
    hits = round(SHARES[name] * N)
    order = np.random.default_rng(sum(map(ord, name))).permutation(N)
    return [float(place < hits) for place in order]


def kind(name: str) -> str:
    """What sort of variant it is."""
    return "control" if "@" in name else "tuned" if name.startswith("tuned") else "baseline"


def variant(name: str, costs: CostReport | None = None) -> VariantFacts:
    """One variant with every figure."""
    overall = {
        "exact_match": share("exact_match", SHARES[name]),
        "f1": Measurement.of_mean("f1", [min(1.0, 0.35 + 0.6 * hit) for hit in scores(name)], bounds=(0, 1)),
        "schema_valid": share("schema_valid", 1 - INVALID[name]),
        "invalid_call": share("invalid_call", INVALID[name]),
    }
    shift = 0.9 if "rag" in name else 1.0
    strata = {
        stratum: {"exact_match": share("exact_match", SHARES[name] + gap * SHARES[name] * shift, n)}
        for stratum, (n, gap) in STRATA.items()
    }
    return VariantFacts.model_validate(
        {
            "name": name, "kind": kind(name), "made_of": "bundled (local), 4 passages of kb", "report": "r" * 64,
            "overall": overall,
            "verdicts": {"schema_valid": judge(overall["schema_valid"], Threshold.parse(">= 0.97"))},
            "strata": strata, "missing_strata": (), "warnings": (),
            "faults": {"not_json": round(INVALID[name] * 300), "bad_arguments": round(INVALID[name] * 200)},
            "latency": latency([0.05 + 0.0007 * place for place in range(N)]),
            "cost": next((each for each in costs.variants if each.variant == name), None) if costs else None,
        }
    )  # fmt: skip


def money_report() -> CostReport:
    """What it all cost."""
    config = CostsConfig(labelling=Decimal(18000), engineering=Decimal(55000), serving_hour_price=Decimal("0.4"),
                         tasks_per_month=20_000, cost_per_task_now=Decimal("0.85"))  # fmt: skip
    costs = [Cost(bucket=bucket, amount=Decimal(amount), currency="EUR")
             for bucket, amount in (("training", "0.036"), ("evaluation", "0.021"), ("serving", "0.011"))]  # fmt: skip
    reports = [
        Report(
            variant=name, variant_digest="v", benchmark="task_accuracy", gold="g", overall={}, strata={},
            cases=tuple(
                Case(example_id=str(row), strata={}, asked="q", ideal="a", answer=Answer(text="a"),
                     scores={"exact_match": hit})
                for row, hit in enumerate(scores(name))
            ),
            seconds=40, cost=Money(),
        )
        for name in SHARES if "@" not in name
    ]  # fmt: skip
    return run_costs(config, costs, reports)


def curve() -> tuple[CurvePoint, ...]:
    """A run that learns fast and then slowly."""
    draws = np.random.default_rng(1)
    points = []
    for step in range(0, 601, 5):
        loss = 0.08 + 2.2 * float(np.exp(-step / 70)) + abs(float(draws.normal(0, 0.05)))
        points.append(
            CurvePoint(
                step=step, epoch=step / 200, train_loss=loss if step else None,
                validation_loss=0.11 + 2.1 * float(np.exp(-step / 75)) + max(0, step - 480) * 3e-4
                if step % 40 == 0 else None,
                learning_rate=1e-3 * min(step / 30, 1 - step / 620) if step else 0.0,
                gradient_norm=0.4 + 3 * float(np.exp(-step / 50)) + abs(float(draws.normal(0, 0.1))) if step else None,
                tokens_per_second=4000.0 + float(draws.normal(0, 250)) if step else None,
                memory_bytes=(900 + min(step, 100)) << 20,
                tasks={"exact_match": share("exact_match", 0.8 * (1 - float(np.exp(-step / 150))), n=64)}
                if step % 40 == 0 else {},
            )
        )  # fmt: skip
    return tuple(points)


def training(best: int = 480) -> TrainingRun:
    """One run."""
    return TrainingRun(
        base_weights="b" * 64, snapshot="5" * 64, adapter="a" * 64, method="sft", config={}, seed=0, curve=curve(),
        best_step=best, best_validation_loss=0.1134, stopped_because="early_stopping", examples_seen=9_600,
        tokens_seen=1_384_201, trainable_parameters=610_304, total_parameters=8_912_640, seconds=323.4,
        cost=Money(amount=Decimal("0.036")), left_out={"longer than 512 tokens": 3},
    )  # fmt: skip


def learning() -> LearningCurve:
    """What twice the rows would buy."""
    runs = [
        CurveRun(run="c" * 64, share=part, seed=seed, rows=int(3_204 * part),
                 loss=0.05 + 6.0 * (3_204 * part) ** -0.5 + 0.002 * seed)
        for part in (0.1, 0.25, 0.5, 1.0) for seed in range(2)
    ]  # fmt: skip
    return learning_curve(runs, snapshot="5" * 64, fewest_rows=300, seed=0)


def decision() -> Decision:
    """Advice with its failures."""

    def table(name: str, shares: dict[str, float]) -> FailureTable:
        groups = tuple(
            FailureGroup.model_validate(
                {"kind": each, "share": share(each, value), "is_systematic": value > 0.08, "is_labelable": True,
                 "examples": ()}
            )
            for each, value in shares.items()
        )  # fmt: skip
        return FailureTable(variant=name, failed=share("failed", 1 - SHARES[name]), groups=groups)

    return Decision(
        project="crm-updates", advice="tune_and_retrieve",
        reasons=("format: 68% of the prompt baseline's answers are no valid call, which examples of the format teach",
                 "missing fact: 34% of rows need a fact that only the knowledge base holds"),
        missing=("an expert's reading of 50 failed rows",),
        failures=(
            table("nearest", {"missing_fact": 0.31, "wrong_argument": 0.72}),
            table("prompt", {"format": 0.684, "tool_name": 0.12, "missing_fact": 0.36, "wrong_argument": 0.25}),
            table("few_shot", {"format": 0.238, "tool_name": 0.19, "missing_fact": 0.35, "wrong_argument": 0.48}),
            table("rag", {"format": 0.71, "tool_name": 0.1, "missing_fact": 0.2, "wrong_argument": 0.22}),
        ),
        triggers=(Trigger(name="stable_format", speaks_for="tune", holds=True, reason="one schema, four tools"),
                  Trigger(name="facts_change", speaks_for="retrieve", holds=None, reason="nobody stated it")),
        expert_test=ExpertTest(answer="unknown", answerable=None, reading="nobody was asked"),
        reports={}, training_rows=3_204,
    )  # fmt: skip


def card() -> DataCard:
    """What the snapshot holds."""
    return DataCard(
        project="crm-updates", snapshot="5" * 64, gold="6" * 64, rows_in=4_400,
        splits={"train": 3_204, "validation": 356, "test": 500}, strata={},
        lengths=(Lengths(split="train", part="question", median=180, p95=390, longest=702),),
        masked={"person": 5_120, "e-mail address": 611, "phone number": 204},
        dropped={"near duplicate": 301, "duplicate": 39},
        pii="masked before anything else saw the rows",
        sources=(SourceLine(path="emails.jsonl", format="chat", rows=4_400, lawful_basis="contract", retention_days=365,
                            purpose="Keeping the CRM up to date from the sales team's own e-mails.",
                            file_digest="7" * 64),),
        notes=("two rows name a customer that the knowledge base does not know",),
    )  # fmt: skip


def passed(*reasons: str, outcome: str = "pass") -> Verdict:
    """A verdict with its reasons."""
    return Verdict.model_validate({"outcome": outcome, "reasons": reasons})


def gates() -> tuple[GateFacts, ...]:
    """Three decisions, one of them overridden."""
    control = GateDecision(
        variant="tuned_rag", variant_digest="d" * 64,
        verdict=passed("exact_match: tuned_rag against nearest gains -0.14 (-0.17 to -0.11, n = 500)", outcome="fail"),
        checks={"beats:nearest": passed("exact_match gains -0.14 (-0.17 to -0.11, n = 500)", outcome="fail")},
        override=Override(by="ml-engineer", reason="Rehearsal: a bad release on purpose.", at=BEGIN),
    )  # fmt: skip
    tuned = GateDecision(
        variant="tuned_rag", variant_digest="c" * 64, verdict=passed("all 9 checks pass"),
        checks={"intact:gold": passed("gold is as it was frozen"),
                "threshold:schema_valid": passed("schema_valid = 0.994 (n = 500): the bound 0.9846 is >= 0.97"),
                "beats:nearest": passed("exact_match gains +0.766 (+0.726 to +0.802, n = 500, p = 1e-100)")},
    )  # fmt: skip
    first = GateDecision(variant="prompt", variant_digest="p" * 64, verdict=passed("first release: figures are told"),
                         checks={})  # fmt: skip
    return (
        GateFacts(name="prompt", at=BEGIN, decision=first),
        GateFacts(name="tuned_rag", at=BEGIN, decision=tuned),
        GateFacts(name="tuned_rag@control", at=BEGIN, decision=control),
    )


def hours(count: float) -> datetime:
    """So many hours after the beginning."""
    return BEGIN + timedelta(hours=count)


def rollouts() -> tuple[RolloutFacts, ...]:
    """A first release, one that passed, one that was taken back."""
    good = tuple(
        StageRecord(percent=percent, entered_at=hours(2 + 49 * place), left_at=hours(2 + 49 * (place + 1)),
                    verdict=passed("error_rate 0 of 66", "invalid_call 0 of 66", "solved: not shown to be worse"))
        for place, percent in enumerate((5.0, 25.0, 50.0, 100.0))
    )  # fmt: skip
    bad = StageRecord(percent=5, entered_at=hours(198), left_at=hours(206),
                      verdict=passed("solved: 1 of 48 against 71 of 78 of the stable arm", outcome="fail"))  # fmt: skip
    return (
        RolloutFacts(release="crm-updates-1", variant="prompt", previous=None, status="completed",
                     reason="the first release", began_at=BEGIN, ended_at=BEGIN, stages=()),
        RolloutFacts(release="crm-updates-2", variant="tuned_rag", previous="crm-updates-1", status="completed",
                     reason="every stage passed", began_at=hours(2), ended_at=hours(198), stages=good),
        RolloutFacts(release="crm-updates-3", variant="tuned_rag", previous="crm-updates-2", status="reverted",
                     reason="solved: 1 of 48 against 71 of 78 of the stable arm", began_at=hours(198),
                     ended_at=hours(206), stages=(bad,)),
    )  # fmt: skip


def traffic() -> tuple[TrafficPoint, ...]:
    """Who answered whom."""
    first, second, third = "crm-updates-1", "crm-updates-2", "crm-updates-3"
    steps = [(0.0, {first: 100.0}, False), (2.0, {first: 95.0, second: 5.0}, False),
             (51.0, {first: 75.0, second: 25.0}, False), (100.0, {first: 50.0, second: 50.0}, False),
             (149.0, {first: 0.0, second: 100.0}, False), (198.0, {second: 95.0, third: 5.0}, False),
             (206.0, {second: 100.0}, False), (208.0, {first: 100.0}, True),
             (210.0, {second: 100.0}, False)]  # fmt: skip
    return tuple(TrafficPoint(at=hours(at), percent=percent, killed=killed) for at, percent, killed in steps)


def releases() -> tuple[ReleaseFacts, ...]:
    """Three releases, approved by somebody else."""
    found = []
    for version, (name, gate) in enumerate((("prompt", "pass"), ("tuned_rag", "pass"), ("tuned_rag", "fail")), 1):
        approval = Approval(release_id=f"crm-updates-{version}", approver="head-of-sales-ops", decision="approve",
                            reason="The card shows what I need to know.", at=BEGIN)  # fmt: skip
        found.append(
            ReleaseFacts(
                id=f"crm-updates-{version}", version=version, variant=name, variant_digest=f"{version}" * 64,
                author="ml-engineer", created_at=BEGIN, gate=gate,
                override=gates()[2].decision.override if gate == "fail" else None,
                lineage={"snapshot": "5" * 64, "gold": "6" * 64},
                approval="approved", approvals=(approval,),
                waiting_for=(),
            )
        )  # fmt: skip
    return tuple(found)


def differences() -> tuple[PairedDifference, ...]:
    """Every tuned variant against every other."""
    return tuple(
        paired_difference("exact_match", name, other, scores(name), scores(other), seed=0)
        for name in SHARES if name.startswith("tuned")
        for other in SHARES if other != name and "@" not in other
    )  # fmt: skip


CHARTER = CharterConfig.model_validate({
    "problem": "Turn each internal sales e-mail into the one CRM update call that it asks for, in JSON.",
    "kpis": [{"name": "invalid_tool_calls", "now": 0.12, "target": "< 0.03", "owner": "sales-ops"},
             {"name": "csat", "target": ">= 4.2", "owner": "head-of-sales-ops"}],
    "kill_criterion": {"metric": "invalid_tool_calls", "must_reach": "< 0.06", "within_weeks": 8},
})  # fmt: skip


def kpis() -> tuple[KpiFacts, ...]:
    """One that the gold set can tell, one that only production can."""
    found = share("invalid_call", 0.006)
    return (
        KpiFacts(name="invalid_tool_calls", now=0.12, target="< 0.03", owner="sales-ops", measured=found,
                 verdict=judge(found, Threshold.parse("< 0.03"))),
        KpiFacts(name="csat", now=None, target=">= 4.2", owner="head-of-sales-ops", measured=None, verdict=None),
    )  # fmt: skip


def full() -> Facts:
    """Everything is done."""
    costs = money_report()
    return Facts(
        project="crm-updates", at=hours(212),
        links=tuple(LinkStatus(link=name, state="done", reason="", digest="e" * 64, parents=())
                    for name in ("charter", "data", "review", "baselines", "assess", "train", "evaluate", "gate")),
        charter=CHARTER, kpis=kpis(), data=card(),
        review=Admission(snapshot="5" * 64, admitted=3_481, rejected=79, simulated=3_560, agreement=0.71,
                         rows="4" * 64),
        benchmark="task_accuracy", primary_metric="exact_match", lower_is_better=("invalid_call",),
        candidate="tuned_rag", best_baseline="nearest", variants=tuple(variant(name, costs) for name in SHARES),
        unmeasured=(), differences=differences(), decision=decision(), training=training(),
        learning=learning(), control=training(160),
        gates=gates(), releases=releases(), rollouts=rollouts(), traffic=traffic(),
        switches=(SwitchFacts(kind="killed", by="sre", reason="Rehearsal of the kill switch.", at=hours(208)),
                  SwitchFacts(kind="resumed", by="sre", reason="Rehearsal over.", at=hours(210))),
        drills=(DrillFacts(at=hours(211), drill=Drill(release="crm-updates-2", previous="crm-updates-1",
                                                      seconds_back=0.231, seconds_forward=0.204, requests=19,
                                                      dropped=0)),),
        served=(ServedFacts(release="crm-updates-1", answers=1_802, errors=0, median_seconds=0.212, p95_seconds=0.61,
                            solved=share("solved", 0.02, 1_802)),
                ServedFacts(release="crm-updates-2", answers=990, errors=1, median_seconds=0.301, p95_seconds=0.72,
                            solved=share("solved", 0.9, 990))),
        health=HealthFacts(
            interactions=990,
            tests=(DriftTest(feature="meaning", statistic=0.0012, p_value=0.31, n_reference=3_204, n_served=990),
                   DriftTest(feature="length", statistic=0.03, p_value=0.42, n_reference=3_204, n_served=990)),
            new_words=0.081, quality=passed("solved: 0.914 (n = 500) before, 0.900 (n = 990) now"),
            findings=(Finding(kind="input_drift", severity="alarm", summary="a made-up finding", evidence={},
                              at=hours(211)),),
            failed={"reported as not solved": 99, "guard json failed": 3},
        ),
        costs=costs, spent={}, audit=AuditFacts(entries=212, head="9" * 64), notes=(),
    )  # fmt: skip


def bare() -> Facts:
    """Nothing but a charter."""
    return Facts(
        project="crm-updates", at=BEGIN, links=(), charter=CHARTER, kpis=(), data=None, review=None,
        benchmark="task_accuracy", primary_metric="exact_match", lower_is_better=(), candidate=None,
        best_baseline=None, variants=(), unmeasured=("prompt", "tuned"), differences=(), decision=None, training=None,
        control=None, gates=(), releases=(), rollouts=(), traffic=(), switches=(), drills=(), served=(), health=None,
        costs=None, spent={}, audit=AuditFacts(entries=0, head="0" * 64), notes=(),
    )  # fmt: skip
