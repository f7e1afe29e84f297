"""Train: from conversations and a frozen base model to an adapter and the history of the run."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from luthier.domain.digests import digest_of
from luthier.errors import EmptySample, Faults, Tampered, UserError
from luthier.train.config import Method, TrainConfig
from luthier.train.types import BaseModel, Conversation, Exam, Judged, Ports, PreferencePair, Row, TrainingOutcome
from luthier.variants.engines.folders import check_model_folder, weights_digest

VERSION = 2
LISTED_AT_MOST = 10
TAKES: dict[Method, type[Row]] = {"sft": Conversation, "dpo": PreferencePair, "kto": Judged, "distill": Conversation}


def run(
    ports: Ports,
    config: TrainConfig,
    base: BaseModel,
    train: Sequence[Row],
    validation: Sequence[Row],
    *,
    target: Path,
    seed: int | None = None,
    teacher: BaseModel | None = None,
    exam: Exam | None = None,
) -> TrainingOutcome:
    """The history of one run whose adapter now lies in `target`; the base model is as it was.

    Args:
        ports: Clock, progress and the folder to resume from.
        config: The project's `train` section.
        base: The frozen model.
        train: Rows to learn from, rendered exactly as they will be asked; `TAKES` says which method takes what.
        validation: Rows that decide when to stop; never the gold set.
        target: The folder to be made; it holds a complete adapter or does not exist.
        seed: Beats `config.seed`.
        teacher: The model whose distributions are learned, with `train.distill.learn_from: logits`.
        exam: Rows answered freely at each evaluation; in this process only.

    Raises:
        EmptySample: One of the sets is empty.
        Faults: Rows with equal ids, of a kind the method does not take, too long, or without a target token.
        Tampered: The base weights are not, or no longer, the pinned ones.
        EngineFault: The loss is no number any more, a gradient exploded or memory ran out; the last good adapter stays
            with the checkpoints.
        Interrupted: The ports asked to stop.
        StorageFault: The disk refused a write; the last state written still resumes.

    """
    _check_sets(train, validation)
    _check_kinds(config, [*train, *validation])
    _check_target(target)
    _check_base(base, "are not the pinned ones")
    from luthier.train.backends import local  # noqa: PLC0415 - torch takes seconds to import; only a real run pays

    chosen = config.seed if seed is None else seed
    folder = (
        ports.checkpoints
        and ports.checkpoints / run_digest(config, base, train, validation, seed=chosen, teacher=teacher)[:16]
    )
    job = local.Job(config, base, chosen, folder, teacher, exam=exam)
    if config.backend.kind == "hosted":
        raise UserError("a hosted run has no base model here", hint="run it by `luthier.train.hosted.stage`")
    if config.backend.kind != "local":
        from luthier.train.backends import several  # noqa: PLC0415

        outcome = several.fit(ports, job, train, validation, target=target, backend=config.backend)
    else:
        outcome = local.fit(ports, job, train, validation, target=target)
    _check_base(base, "changed while training")
    return outcome


def run_digest(
    config: TrainConfig,
    base: BaseModel,
    train: Sequence[Row],
    validation: Sequence[Row],
    *,
    seed: int,
    teacher: BaseModel | None = None,
) -> str:
    """Digest of everything that fixes a run: two runs with the same one are the same run."""
    rows = [[row.digest for row in rows] for rows in (train, validation)]
    return digest_of([VERSION, config.recipe, base.weights, rows, seed, teacher and teacher.weights])


def _check_sets(train: Sequence[Row], validation: Sequence[Row]) -> None:
    for name, rows in (("training", train), ("the validation loss", validation)):
        if not rows:
            raise EmptySample(name)
    counts = Counter(row.id for rows in (train, validation) for row in rows)
    twice = sorted(id_ for id_, count in counts.items() if count > 1)
    if twice:
        raise Faults(
            "the training data", [f"the id {id_!r} stands twice" for id_ in twice[:LISTED_AT_MOST]],
            hint="a row belongs to one split, once",
        )  # fmt: skip


def _check_kinds(config: TrainConfig, rows: Sequence[Row]) -> None:
    takes = TAKES[config.method]
    others = [row for row in rows if not isinstance(row, takes)]
    if others:
        raise Faults(
            "the training data", [f"{row.id!r} is a {type(row).__name__}" for row in others[:LISTED_AT_MOST]],
            hint=f"`method: {config.method}` takes rows of the kind {takes.__name__} only",
        )  # fmt: skip


def _check_target(target: Path) -> None:
    if target.exists():
        raise UserError(f"{str(target)!r} exists already", hint="adapters are never overwritten; name a new folder")


def _check_base(base: BaseModel, fault: str) -> None:
    check_model_folder(base.folder)
    found = weights_digest(base.folder)
    if found != base.weights:
        raise Tampered(
            f"the base weights in {str(base.folder)!r} {fault}: {found[:12]} instead of {base.weights[:12]}",
            hint="restore the model's files, or pin the new weights and measure the baselines again",
        )
