"""The general suite asked of the base model and of the tuned one, and the verdict kept for the gate."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from luthier.domain.digests import digest_of
from luthier.domain.examples import Example
from luthier.domain.variants import Decoding, Variant
from luthier.domain.verdicts import Verdict
from luthier.errors import Refused
from luthier.evaluate.general.config import SHIPPED, ForgettingConfig
from luthier.evaluate.general.forgetting import Forgetting, GeneralScores, judge_forgetting, score_suite
from luthier.evaluate.general.suite import shipped_suite
from luthier.lifecycle.answering import Variants, adapter_folder
from luthier.lifecycle.links.data import benchmark_rows
from luthier.lifecycle.spending import spend
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.variants.engines.base import Engine, EngineRequest, HoldsAdapters

VERSION = 1
LINK, SCORES = "forgetting", "general"
ROWS_AT_ONCE = 64


def settle_forgetting(work: Workspace, variants: Variants, variant: Variant) -> Settled:
    """The verdict on a tuned variant's adapter; both are asked anew only where something changed."""
    config = work.config.evaluation.forgetting or ForgettingConfig()
    if variant.adapter is None:
        raise Refused(f"{variant.name!r} carries no adapter, so it has nothing to forget")
    rows = _suite(work, config)
    asked = _Asked(work.config.variants[variant.name].model, rows, config)
    before, after = (_settle_scores(work, variants, asked, adapter) for adapter in (None, variant.adapter))
    return work.settle(
        LINK,
        variant.adapter,
        version_number=VERSION,
        section=config.model_dump(mode="json"),
        inputs={"before": before, "after": after},
        libraries=("numpy", "scipy"),
        perform=lambda: _judge(work, before, after, config),
    )


def forgetting_of(work: Workspace, adapter: str) -> Forgetting | None:
    """The last verdict on an adapter, or None where it was never asked."""
    digest = work.latest(LINK, adapter)
    return work.fetch(digest, Forgetting) if digest else None


def forgetting_verdict(work: Workspace, variant: Variant) -> Verdict | None:
    """What the gate is told: None where the project does not ask, and no evidence where nobody measured."""
    if work.config.evaluation.forgetting is None or variant.adapter is None:
        return None
    found = forgetting_of(work, variant.adapter)
    missing = "general ability was not measured before and after tuning; run `luthier train forgetting`"
    return found.verdict if found else Verdict(outcome="not_enough_evidence", reasons=(missing,))


def _suite(work: Workspace, config: ForgettingConfig) -> Sequence[Example]:
    return shipped_suite() if config.dataset == SHIPPED else benchmark_rows(work, config.dataset).examples


@dataclass(frozen=True)
class _Asked:
    """A model, the rows it is asked, and how."""

    model: str
    rows: Sequence[Example]
    config: ForgettingConfig

    @cached_property
    def suite(self) -> str:
        """Digest of the rows."""
        return digest_of([row.model_dump(mode="json") for row in self.rows])


def _settle_scores(work: Workspace, variants: Variants, asked: _Asked, adapter: str | None) -> str:
    pinned = digest_of(work.config.models[asked.model].model_dump(mode="json"))
    settled = work.settle(
        SCORES,
        f"{asked.model}/{adapter or 'base'}",
        version_number=VERSION,
        section={"metric": asked.config.metric, "max_tokens": asked.config.max_tokens},
        inputs={"suite": asked.suite, "model": pinned, **({"adapter": adapter} if adapter else {})},
        libraries=("numpy", "scipy"),
        perform=lambda: _ask(work, variants, asked, adapter),
    )
    return settled.digest


def _ask(work: Workspace, variants: Variants, asked: _Asked, adapter: str | None) -> str:
    engine = _engine(work, variants, asked.model, adapter)
    decoding = Decoding(max_tokens=asked.config.max_tokens)
    label = f"general suite, {'tuned' if adapter else 'base'}"
    requests = [EngineRequest(messages=row.question, adapter=adapter, decoding=decoding) for row in asked.rows]
    began, answers = time.monotonic(), []
    for start in range(0, len(requests), ROWS_AT_ONCE):
        answers += engine.answer(requests[start : start + ROWS_AT_ONCE])
        work.voice.progress(label, len(answers), len(requests))
    spend(work, "evaluation", label, seconds=Decimal(str(round(time.monotonic() - began, 3))))
    found = score_suite(
        asked.rows, answers, metric=asked.config.metric, model=asked.model, adapter=adapter, suite=asked.suite
    )
    return work.keep(found, kind="general_scores", parents=[adapter] if adapter else [])


def _engine(work: Workspace, variants: Variants, model: str, adapter: str | None) -> Engine:
    engine = variants.engine(model)
    if adapter is None:
        return engine
    if not isinstance(engine, HoldsAdapters):
        raise Refused(f"the engine of {model!r} holds no adapters, so it cannot be asked with one")
    if adapter not in engine.adapters:
        engine.add_adapter(adapter, adapter_folder(work, adapter))
    return engine


def _judge(work: Workspace, before: str, after: str, config: ForgettingConfig) -> str:
    scores = [work.fetch(digest, GeneralScores) for digest in (before, after)]
    found = judge_forgetting(scores[0], scores[1], tolerance=config.tolerance, seed=work.config.data.seed)
    work.voice.say(f"forgetting: {found.verdict.outcome.replace('_', ' ')}: {found.verdict.reasons[0]}")
    return work.keep(found, kind="forgetting", parents=[before, after])
