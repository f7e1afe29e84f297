"""What the next training run would need, take and cost, from the project as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from luthier.domain.snapshots import Split
from luthier.errors import MissingInput
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.review import admitted_rows
from luthier.lifecycle.links.training import adapter_variants, conversations
from luthier.lifecycle.workspace import Workspace
from luthier.train.plan.compute import Work
from luthier.train.plan.hardware import known_machines
from luthier.train.plan.planning import plan
from luthier.train.plan.settings import evaluations_of, tuning_of
from luthier.train.plan.shapes import ModelShape
from luthier.train.plan.types import TrainingPlan
from luthier.variants.engines.folders import model_folder, read_json


@dataclass(frozen=True)
class Asked:
    """What a person may say about a plan; what is left out comes from the project."""

    model: str | None = None
    """A config.json or a folder that holds one, in place of the project's base model."""
    hardware: Sequence[str] = ()
    devices: int = 1
    is_sharded: bool = False
    tokens: int | None = None
    """Of one epoch, in place of counting."""
    longest: int | None = None
    """Of one conversation, in place of counting."""


@dataclass(frozen=True)
class _Counted:
    training: int
    validation: int
    longest: int
    by: str


def plan_training(work: Workspace, variants: Variants, asked: Asked) -> TrainingPlan:
    """The plan of the project's `train` section on the machines asked about; nothing is loaded or spent."""
    config = work.config.train
    path = _config_file(work, asked.model)
    shape = ModelShape.of_config(read_json(path), name=path.name)
    counted = _counted(work, variants, path.parent, asked)
    longest = asked.longest or (counted.longest if counted else min(shape.context_tokens, config.micro_batch_tokens))
    tuning = tuning_of(
        config, longest=longest, devices=asked.devices, is_sharded=asked.is_sharded,
    )  # fmt: skip
    spent = None
    if counted is not None:
        spent = Work(
            training_tokens=counted.training, validation_tokens=counted.validation, epochs=config.epochs,
            evaluations=evaluations_of(config), counted_by=counted.by,
        )  # fmt: skip
    machines = {**known_machines(), **work.config.hardware}
    return plan(
        shape, tuning, spent, machines, model=asked.model or _base_name(work), today=work.clock().date(),
        only=asked.hardware,
    )  # fmt: skip


def _counted(work: Workspace, variants: Variants, folder: Path, asked: Asked) -> _Counted | None:
    """Tokens as given, or of the admitted rows; None where there are neither."""
    if asked.tokens is not None:
        return _Counted(asked.tokens, 0, asked.longest or work.config.train.micro_batch_tokens, "as given")
    if work.latest("data") is None or work.latest("review") is None:
        return None
    if not (folder / "tokenizer_config.json").is_file():
        raise MissingInput(
            f"{str(folder)!r} holds no tokenizer to count the admitted rows with", hint="give --tokens and --longest"
        )
    from luthier.train.backends.count import token_counts  # noqa: PLC0415 - loads transformers

    served_by = adapter_variants(work, variants)
    splits: tuple[Split, ...] = ("train", "validation")
    train, validation = (
        token_counts(folder, conversations(work, variants, served_by, admitted_rows(work, split)), work.config.train)
        for split in splits
    )
    by = f"{len(train)} admitted rows, counted with the model's tokenizer"
    return _Counted(sum(train), sum(validation), max((*train, *validation)), by)


def _config_file(work: Workspace, model: str | None) -> Path:
    """The config.json to plan with."""
    root = work.loaded.folder
    if model is None:
        return model_folder(work.config.models[_base_name(work)].id, root=root) / "config.json"
    path = root / model
    return path if path.is_file() else model_folder(model, root=root) / "config.json"


def _base_name(work: Workspace) -> str:
    """The model under the variants that carry the adapter, or the project's first."""
    tuned = [section.model for section in work.config.variants.values() if section.adapter is not None]
    return tuned[0] if tuned else next(iter(work.config.models))
