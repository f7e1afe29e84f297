"""A look at what was served: drift, quality, findings, and failed cases put before the reviewers."""

from luthier.domain.measure import Measurement
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.evaluation import reports_of
from luthier.lifecycle.links.release import release, release_section
from luthier.lifecycle.links.review import queue
from luthier.lifecycle.rollouts import controller, served
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.monitor.config import MonitorConfig
from luthier.monitor.stage import VERSION, run

LIBRARIES = ("scikit-learn", "scipy", "numpy")


def settle_health(work: Workspace) -> Settled:
    """The health of everything the stable release has served so far."""
    section: MonitorConfig = work.config.evaluation.production_monitoring
    stable = controller(work).traffic.stable
    interactions, _ = served(work, release_id=stable) if stable else ([], {})
    newest = interactions[-1].id if interactions else ""
    return work.settle(
        "monitor",
        version_number=VERSION,
        section={
            "monitor": section.model_dump(mode="json"),
            "release": stable,
            "seen": len(interactions),
            "last": newest,
        },
        inputs={"snapshot": work.require("data")},
        libraries=LIBRARIES,
        perform=lambda: _perform(work, section, stable),
    )


def _perform(work: Workspace, section: MonitorConfig, stable: str | None) -> str:
    interactions, feedback = served(work, release_id=stable) if stable else ([], {})
    reference = [row.asked for row in rows_of(work, "train")]
    health = run(
        section,
        reference,
        _expected(work, stable),
        interactions,
        feedback,
        now=work.clock(),
        seed=work.config.data.seed,
    )
    waiting = queue(work, [f"interaction:{case.interaction_id}" for case in health.failed], "failed in production")
    for finding in health.findings:
        work.voice.say(f"{finding.severity}: {finding.summary}")
    work.voice.say(
        f"{health.interactions} interactions looked at, {len(health.findings)} findings, "
        f"{len(health.failed)} failed cases before the reviewers ({waiting} new)"
    )
    return work.keep(health, kind="health", parents=[work.require("data")])


def _expected(work: Workspace, release_id: str | None) -> Measurement | None:
    """The share of gold rows that the release got right before it was let out."""
    if release_id is None:
        return None
    report = reports_of(work, release(work, release_id).variant.name)[0]
    return report.overall.get(release_section(work).primary_metric)
