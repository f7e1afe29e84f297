"""Canaries among the training rows, what an adapter gives away of them, and the verdict kept for the gate."""

import time
from collections.abc import Sequence
from decimal import Decimal

from luthier.domain.examples import Example
from luthier.domain.runs import TrainingRun
from luthier.domain.variants import Decoding, Variant
from luthier.domain.verdicts import Verdict
from luthier.errors import Refused
from luthier.lifecycle.answering import Variants, adapter_folder
from luthier.lifecycle.spending import spend
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.train.canaries.config import CanariesConfig
from luthier.train.canaries.exposure import Memorisation, judged, rank_of
from luthier.train.canaries.secrets import Canary, canaries, choices, planted
from luthier.train.config import TrainConfig
from luthier.train.types import Conversation
from luthier.variants.answering import passages_for
from luthier.variants.rendering import messages_for

VERSION = 1
LINK = "memorisation"
MAX_TOKENS = 48


def planted_rows(config: TrainConfig) -> Sequence[Example]:
    """The rows that a run plants; none where the project does not ask."""
    return planted(config.canaries, config.seed) if config.canaries else ()


def settle_memorisation(work: Workspace, variants: Variants, variant: Variant, *, run: str = "") -> Settled:
    """What the variant's adapter gives away; measured anew only where something changed.

    Raises:
        Refused: The variant carries no adapter, or one that was trained without these canaries.

    """
    config = _section(work)
    if variant.adapter is None:
        raise Refused(f"{variant.name!r} carries no adapter, so it memorised nothing here")
    _refuse_unplanted(work, variant.adapter, run)
    return work.settle(
        LINK,
        variant.adapter,
        version_number=VERSION,
        section={**config.model_dump(mode="json"), "seed": work.config.train.seed},
        inputs={"adapter": variant.adapter, "variant": variant.digest},
        libraries=("torch", "transformers", "peft"),
        perform=lambda: _perform(work, variants, variant),
    )


def memorisation_of(work: Workspace, adapter: str) -> Memorisation | None:
    """The last figures of an adapter, or None where it was never measured."""
    digest = work.latest(LINK, adapter)
    return work.fetch(digest, Memorisation) if digest else None


def memorisation_verdict(work: Workspace, variant: Variant) -> Verdict | None:
    """What the gate is told: None where the project plants nothing, and no evidence where nobody measured."""
    if work.config.train.canaries is None or variant.adapter is None:
        return None
    found = memorisation_of(work, variant.adapter)
    missing = "what the adapter memorised of the canaries was not measured; run `luthier train memorisation`"
    return found.verdict if found else Verdict(outcome="not_enough_evidence", reasons=(missing,))


def _section(work: Workspace) -> CanariesConfig:
    if work.config.train.canaries is None:
        raise Refused("no canaries are planted among the training rows", hint="set `train.canaries`, and train again")
    return work.config.train.canaries


def _refuse_unplanted(work: Workspace, adapter: str, run: str) -> None:
    """Other canaries than those that were trained on would pass however much was memorised."""
    made = work.fetch(work.require("train", run), TrainingRun)
    now = work.config.train
    expected = {
        f"canaries.{key}": str(value) for key, value in _section(work).model_dump().items() if key != "most_bits"
    }
    trained_on = {key: made.config.get(key) for key in expected}
    if made.adapter != adapter or trained_on != expected or made.seed != now.seed:
        raise Refused(
            f"adapter {adapter[:12]} was not trained on the canaries that `train.canaries` plants now",
            hint="run `luthier train run`, then measure again",
        )


def _perform(work: Workspace, variants: Variants, variant: Variant) -> str:
    began = time.monotonic()
    config, adapter = _section(work), variant.adapter or ""
    drawn = canaries(config, work.config.train.seed)
    rows = [row for canary in drawn for row in _rows(work, variants, variant, canary)]
    ranks, untuned = (
        _ranks(work, variants, variant, chosen, rows, of=config.candidates + 1) for chosen in (adapter, None)
    )
    extracted = _extracted(variants, variant, drawn)
    found = judged(adapter, config, ranks, untuned, extracted=extracted)
    spend(
        work, "evaluation", f"memorisation of {adapter[:12]}", seconds=Decimal(str(round(time.monotonic() - began, 3)))
    )
    work.voice.say(f"memorisation: {found.verdict.outcome.replace('_', ' ')}: {found.verdict.reasons[0]}")
    return work.keep(found, kind=LINK, parents=[adapter])


def _rows(work: Workspace, variants: Variants, variant: Variant, canary: Canary) -> list[Conversation]:
    """The planted secret first, then the others, each asked for as the variant asks."""
    index = variants.indexes[variant.retrieval.kb] if variant.retrieval else None
    asked = messages_for(variant, canary.question, passages_for(variant, canary.question, index), work.tools)
    return [
        Conversation(id=f"{canary.owner}:{secret}", messages=(*asked, canary.answered(secret)))
        for secret in choices(canary)
    ]


def _ranks(
    work: Workspace, variants: Variants, variant: Variant, adapter: str | None, rows: list[Conversation], *, of: int
) -> list[int]:
    from luthier.train.backends.likelihood import log_likelihoods  # noqa: PLC0415 - torch takes seconds to import

    base = variants.base_model(work.config.variants[variant.name].model)
    found = log_likelihoods(work.config.train, base, adapter_folder(work, adapter) if adapter else None, rows)
    return [rank_of(found[start : start + of]) for start in range(0, len(found), of)]


def _extracted(variants: Variants, variant: Variant, drawn: Sequence[Canary]) -> int:
    """How many secrets the variant writes when asked for them, drawn greedily by the engine that serves."""
    greedy = variant.model_copy(update={"decoding": Decoding(max_tokens=MAX_TOKENS)})
    answers = variants.answer(greedy, [canary.question for canary in drawn])
    return sum(canary.secret in (answer.text or "") for canary, answer in zip(drawn, answers, strict=True))
