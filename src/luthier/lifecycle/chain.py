"""The chain of evidence, walked from its first link: what is done is skipped, what lacks its link before is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from luthier.errors import UnknownName
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.judging import settle_all_judged
from luthier.lifecycle.lab.forgetting import settle_forgetting
from luthier.lifecycle.lab.memorisation import settle_memorisation
from luthier.lifecycle.links.assessment import settle_charter, settle_decision
from luthier.lifecycle.links.data import rows_of, settle_data
from luthier.lifecycle.links.evaluation import baseline_names, reports_of, settle_comparison, settle_report
from luthier.lifecycle.links.monitoring import settle_health
from luthier.lifecycle.links.release import (
    candidate,
    release_section,
    require_approved,
    settle_gate,
    settle_release,
)
from luthier.lifecycle.links.review import settle_review
from luthier.lifecycle.links.training import settle_training
from luthier.lifecycle.rollouts import begin, controller
from luthier.lifecycle.workspace import Workspace


@dataclass(frozen=True)
class Link:
    """One link: its name, what it shows, and how it is brought up to date."""

    name: str
    shows: str
    settle: Callable[[Workspace, Variants], None]


def _charter(work: Workspace, _: Variants) -> None:
    settle_charter(work)


def _data(work: Workspace, _: Variants) -> None:
    settle_data(work)


def _review(work: Workspace, _: Variants) -> None:
    settle_review(work)


def _measure(work: Workspace, variants: Variants, names: Sequence[str]) -> None:
    for name in names:
        variant = variants.of(name)
        for benchmark in work.config.evaluation.benchmarks:
            settle_report(work, variants, variant, benchmark)


def _baselines(work: Workspace, variants: Variants) -> None:
    _measure(work, variants, baseline_names(work))


def _assess(work: Workspace, variants: Variants) -> None:
    settle_decision(work, variants)


def _fallback(work: Workspace, variants: Variants) -> None:
    """The prompt baseline is the first release, the one everything later falls back to."""
    if controller(work).traffic.stable is not None:
        return
    variant = variants.of(release_section(work).fallback)
    settle_gate(work, variants, variant)
    made = settle_release(work, variant)
    require_approved(work, made.id)
    begin(work, made.id)


def _train(work: Workspace, variants: Variants) -> None:
    settle_training(work, variants)


def _evaluate(work: Workspace, variants: Variants) -> None:
    tuned = [name for name, section in work.config.variants.items() if section.adapter is not None]
    _measure(work, variants, tuned)
    if work.config.evaluation.forgetting is not None:
        for name in tuned:
            settle_forgetting(work, variants, variants.of(name))
    if work.config.train.canaries is not None:
        for name in tuned:
            settle_memorisation(work, variants, variants.of(name))
    for name in work.config.variants:
        for report in reports_of(work, name):
            settle_comparison(work, report)


def _gate(work: Workspace, variants: Variants) -> None:
    variant = variants.of(candidate(work))
    settle_all_judged(work, variants, variant)
    settle_gate(work, variants, variant)


def _release(work: Workspace, variants: Variants) -> None:
    made = settle_release(work, variants.of(candidate(work)))
    require_approved(work, made.id)


def _rollout(work: Workspace, variants: Variants) -> None:
    made = settle_release(work, variants.of(candidate(work)))
    now = controller(work)
    if made.id not in {now.traffic.stable, now.traffic.canary} and now.state.release != made.id:
        begin(work, made.id)


def _monitor(work: Workspace, _: Variants) -> None:
    settle_health(work)


CHAIN = (
    Link("charter", "one narrow problem, with KPIs, owners and a line at which to stop", _charter),
    Link("data", "sources with a lawful basis; masked, de-duplicated, checked; snapshot and gold set frozen", _data),
    Link("review", "two people's marks on every row that training may see", _review),
    Link("baselines", "every variant without tuning, really run on the gold set", _baselines),
    Link("assess", "prompt, retrieve, tune or both, from how the baselines failed", _assess),
    Link("fallback", "the prompt baseline released first: what everything later falls back to", _fallback),
    Link("train", "what the admitted rows teach: an adapter, or every weight", _train),
    Link("evaluate", "every variant with its doubt, row by row against the others", _evaluate),
    Link("gate", "pass, fail, or not enough evidence", _gate),
    Link("release", "the variant with its evidence, approved by somebody else than its author", _release),
    Link("rollout", "the release on its way through traffic stages", _rollout),
    Link("monitor", "drift, quality and failed cases of what was served", _monitor),
)


def walk(work: Workspace, *, until: str | None = None) -> None:
    """Bring every link up to date in order; stops with the reason at the first that cannot be."""
    names = [link.name for link in CHAIN]
    if until is not None and until not in names:
        raise UnknownName("link", until, names)
    variants = Variants(work, lambda: rows_of(work, "train"))
    with work.alone():
        for link in CHAIN:
            work.voice.link(link.name)
            link.settle(work, variants)
            if link.name == until:
                return
