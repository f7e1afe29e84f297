"""A look at what was served: drift, quality, findings, and failed cases put before the reviewers."""

from datetime import timedelta

from luthier.domain.interactions import Feedback, Interaction
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.evaluation import reports_of
from luthier.lifecycle.links.release import release, release_section
from luthier.lifecycle.links.review import queue
from luthier.lifecycle.rollouts import controller, served
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.monitor.config import MonitorConfig
from luthier.monitor.stage import VERSION, Before, run, solved_share

LIBRARIES = ("scikit-learn", "scipy", "numpy")


def settle_health(work: Workspace) -> Settled:
    """The health of what the stable release has served of late: in the last day, week or month."""
    section: MonitorConfig = work.config.evaluation.production_monitoring
    stable = controller(work).traffic.stable
    interactions, _ = _late(work, section, stable)
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
    interactions, feedback = _late(work, section, stable)
    reference = [row.asked for row in rows_of(work, "train")]
    health = run(
        section,
        reference,
        _before(work, section, stable),
        interactions,
        feedback,
        now=work.clock(),
        seed=work.config.data.seed,
    )
    waiting = queue(work, [f"interaction:{case.interaction_id}" for case in health.failed], "failed in production")
    drawn = queue(work, [f"interaction:{each}" for each in health.sampled], "drawn from production to be scored")
    for finding in health.findings:
        work.voice.say(f"{finding.severity}: {finding.summary}")
    work.voice.say(
        f"{health.interactions} interactions looked at, {len(health.findings)} findings, "
        f"{len(health.failed)} failed cases before the reviewers ({waiting} new), "
        f"{len(health.sampled)} drawn for them to score ({drawn} new)"
    )
    return work.keep(health, kind="health", parents=[work.require("data")])


Seen = tuple[list[Interaction], dict[str, Feedback]]


def _late(work: Workspace, section: MonitorConfig, release_id: str | None) -> Seen:
    """What the release served in the time that one look takes in."""
    if release_id is None:
        return [], {}
    return served(work, release_id=release_id, since=work.clock() - timedelta(days=section.days))


def _before(work: Workspace, section: MonitorConfig, release_id: str | None) -> Before:
    """What the release solved in service before that time, and the gold rows it got right before it was let out."""
    if release_id is None:
        return Before()
    start = work.clock() - timedelta(days=section.days)
    interactions, feedback = served(work, release_id=release_id)
    report = reports_of(work, release(work, release_id).variant.name)[0]
    return Before(
        solved=solved_share([each for each in interactions if each.at < start], feedback),
        gold=report.overall.get(release_section(work).primary_metric),
    )
