"""A tuning run handed to other tools: checked against the run's record, written whole, and told to the audit log."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from luthier.domain.digests import digest_of
from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import Split
from luthier.errors import Refused, Tampered, UserError
from luthier.lifecycle.answering import Variants, adapter_folder
from luthier.lifecycle.links.review import admitted_rows
from luthier.lifecycle.links.training import adapter_variants, conversations
from luthier.lifecycle.workspace import Workspace
from luthier.train.durable import folder_in_one_move
from luthier.train.exports.card import model_card
from luthier.train.exports.peers import (
    TRAIN_FILE,
    VALIDATION_FILE,
    axolotl_settings,
    dataset_info,
    llamafactory_settings,
    untold,
)
from luthier.train.exports.rows import micro_batch, training_lines
from luthier.train.exports.vllm import check_layout, serving_notes
from luthier.variants.engines.folders import BUNDLED, weights_digest
from luthier.variants.engines.openai import hosted_model

if TYPE_CHECKING:
    from luthier.train.backends.merge import Merged

Form = Literal["peft", "merged", "gguf", "vllm", "axolotl", "llamafactory"]
FILES_OF_AN_ADAPTER = ("adapter_model.safetensors", "adapter_config.json", "luthier.json")


@dataclass(frozen=True)
class Order:
    """What is to be exported, in which form, and where to."""

    form: Form
    target: Path
    run: str = ""
    precision: Literal["fp32", "bf16"] = "fp32"
    token_ids_only: bool = False


@dataclass(frozen=True)
class _Tuned:
    run: TrainingRun
    adapter: Path
    base: Path
    base_id: str
    name: str

    @property
    def is_adapter(self) -> bool:
        """Whether it needs its base; else it is a model of its own."""
        return (self.adapter / "adapter_config.json").is_file()


@dataclass(frozen=True)
class _Counted:
    """Training rows, and the tokens of each row of both sets."""

    rows: int
    lengths: list[int]

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max(self.lengths)


def export(work: Workspace, variants: Variants, order: Order) -> list[str]:
    """The names of the files now in the target, which was not there before; whole, or nothing is left of it."""
    if order.target.exists():
        raise UserError(f"{str(order.target)!r} exists already", hint="exports never overwrite; name a new place")
    order.target.parent.mkdir(parents=True, exist_ok=True)
    what = _WRITERS[order.form](work, variants, order)
    detail = {"form": order.form, "of": what, "to": str(order.target)}
    work.store.audit.append(work.actor, "train.export", work.project, detail, now=work.clock())
    if order.target.is_file():
        return [order.target.name]
    return sorted(str(file.relative_to(order.target)) for file in order.target.rglob("*") if file.is_file())


def _peft(work: Workspace, variants: Variants, order: Order) -> str:
    tuned = _tuned(work, variants, order.run)
    with folder_in_one_move(order.target) as partial:
        _copy_adapter(tuned, partial)
        card = model_card(tuned.run, name=tuned.name, base=tuned.base_id, form="adapter")
        (partial / "README.md").write_text(card, encoding="utf-8")
    return tuned.run.adapter


def _vllm(work: Workspace, variants: Variants, order: Order) -> str:
    tuned = _tuned(work, variants, order.run)
    with folder_in_one_move(order.target) as partial:
        _copy_adapter(tuned, partial)
        rank = check_layout(partial)
        (partial / "SERVING.md").write_text(serving_notes(tuned.name, tuned.base_id, rank), encoding="utf-8")
    return tuned.run.adapter


def _merged(work: Workspace, variants: Variants, order: Order) -> str:
    from luthier.train.backends.merge import write_merged  # noqa: PLC0415 - loads torch

    tuned = _tuned(work, variants, order.run)
    merged, is_whole = _in_one(tuned), not tuned.is_adapter
    if not is_whole:
        work.voice.say(f"logits differ from the adapter on its base by {merged.difference:.1e} of the largest")

    def card() -> str:
        form = "whole tuned model" if is_whole else "merged model"
        notes = _on_merging(tuned, merged, order.precision)
        return model_card(tuned.run, name=tuned.name, base=tuned.base_id, form=form, notes=notes)

    write_merged(merged, tuned.base, order.target, card, precision=order.precision)
    return tuned.run.adapter


def _on_merging(tuned: _Tuned, merged: "Merged", precision: str) -> list[str]:
    """What a reader must know of how the weights came together."""
    if not tuned.is_adapter:
        return [f"Every weight trained and nothing was merged; written in {precision}."]
    notes = [f"Before writing, its logits differed by {merged.difference:.1e} of the largest from the adapter's "
             f"on its base; written in {precision}."]  # fmt: skip
    if tuned.run.config.get("adapter.kind") == "qlora":
        notes.append("Trained on 4-bit weights, merged into those that they were packed from.")
    return notes


def _gguf(work: Workspace, variants: Variants, order: Order) -> str:
    from luthier.train.backends.gguf import write_merged_gguf  # noqa: PLC0415 - loads torch

    tuned = _tuned(work, variants, order.run)
    write_merged_gguf(
        _in_one(tuned), tuned.base, order.target, name=tuned.name, precision=order.precision,
        ids_only=order.token_ids_only,
    )  # fmt: skip
    return tuned.run.adapter


def _axolotl(work: Workspace, variants: Variants, order: Order) -> str:
    def write(folder: Path, counted: _Counted, _base: Path, base_id: str) -> None:
        settings = axolotl_settings(work.config.train, base=base_id, rows=counted.rows, longest=counted.longest,
                                    micro_batch=micro_batch(work.config.train, counted.lengths))  # fmt: skip
        _write_yaml(folder / "axolotl.yaml", settings, work)

    return _peer(work, variants, order, write)


def _llamafactory(work: Workspace, variants: Variants, order: Order) -> str:
    from luthier.train.backends.gguf import chat_template_of  # noqa: PLC0415 - beside what loads torch

    def write(folder: Path, counted: _Counted, base: Path, base_id: str) -> None:
        settings = llamafactory_settings(
            work.config.train, base=base_id, template=chat_template_of(base), rows=counted.rows,
            longest=counted.longest, micro_batch=micro_batch(work.config.train, counted.lengths),
        )  # fmt: skip
        _write_yaml(folder / "llamafactory.yaml", settings, work)
        (folder / "dataset_info.json").write_text(json.dumps(dataset_info(), indent=2) + "\n", encoding="utf-8")

    return _peer(work, variants, order, write)


_WRITERS: dict[Form, Callable[[Workspace, Variants, Order], str]] = {
    "peft": _peft,
    "merged": _merged,
    "gguf": _gguf,
    "vllm": _vllm,
    "axolotl": _axolotl,
    "llamafactory": _llamafactory,
}


def _tuned(work: Workspace, variants: Variants, name: str) -> _Tuned:
    """The run of that name with its files; Tampered where the base is not the one that was tuned."""
    run = work.fetch(work.require("train", name), TrainingRun)
    adapter = adapter_folder(work, run.adapter)
    if hosted := hosted_model(adapter):
        raise Refused(f"{hosted!r} is kept by its provider, who gives no weights", hint="ask it there by that name")
    served = adapter_variants(work, variants)[0]
    model = work.config.variants[served.name].model
    base = variants.base_folder(model)
    if weights_digest(base) != run.base_weights:
        raise Tampered("the base model is not the one that was tuned", hint="restore it, or train again")
    base_id = work.config.models[model].id
    return _Tuned(run, adapter, base, base_id, f"{work.project}-{run.adapter[:8]}")


def _in_one(tuned: _Tuned) -> "Merged":
    """The tuned model without an adapter beside it."""
    from luthier.train.backends.merge import merge, whole  # noqa: PLC0415 - loads torch

    if tuned.is_adapter:
        return merge(tuned.base, tuned.adapter)
    return whole(tuned.adapter)


def _copy_adapter(tuned: _Tuned, target: Path) -> None:
    if not tuned.is_adapter:
        raise Refused("the run trained every weight, so there is no adapter", hint="export it with --format merged")
    for name in FILES_OF_AN_ADAPTER:
        shutil.copyfile(tuned.adapter / name, target / name)


def _peer(work: Workspace, variants: Variants, order: Order, write: Callable[[Path, _Counted, Path, str], None]) -> str:
    """Rows and settings for another trainer; the digest of the rows."""
    if work.config.train.method != "sft":
        raise Refused(f"method {work.config.train.method!r} is not exported to other trainers", hint="use sft")
    from luthier.train.backends.count import token_counts  # noqa: PLC0415 - loads transformers

    served_by = adapter_variants(work, variants)
    model = work.config.variants[served_by[0].name].model
    base = variants.base_folder(model)
    splits: tuple[Split, ...] = ("train", "validation")
    train, validation = (conversations(work, variants, served_by, admitted_rows(work, split)) for split in splits)
    lengths = token_counts(base, [*train, *validation], work.config.train)
    with folder_in_one_move(order.target) as partial:
        for name, rows in ((TRAIN_FILE, train), (VALIDATION_FILE, validation)):
            lines = "".join(f"{line}\n" for line in training_lines(rows, work.config.train))
            (partial / name).write_text(lines, encoding="utf-8")
        write(partial, _Counted(len(train), lengths), base, _known_elsewhere(work.config.models[model].id, base))
    return digest_of([row.digest for row in (*train, *validation)])


def _known_elsewhere(model: str, base: Path) -> str:
    """The name another trainer finds the base model by: its id on the hub, or where it lies here."""
    is_here = model == BUNDLED or base.name == Path(model).name
    return str(base) if is_here else model


def _write_yaml(file: Path, settings: object, work: Workspace) -> None:
    """The settings, headed by what they cannot say."""
    head = "".join(f"# not told: {what}\n" for what in untold(work.config.train))
    file.write_text(head + yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
