"""Rows written by a model of the project, as a file that becomes a source once people have looked at it."""

import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from luthier.data.synthetic.judge import Judging, judge_prompt
from luthier.data.synthetic.prompts import check_prompt, packaged_prompt
from luthier.data.synthetic.stage import Synthesis, run
from luthier.data.synthetic.validate import Validator
from luthier.domain.answers import Answer
from luthier.domain.digests import canonical_json
from luthier.domain.snapshots import Split
from luthier.errors import UnknownName, UserError
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.data import gold_set
from luthier.lifecycle.links.review import admitted_rows
from luthier.lifecycle.rows import rows_of
from luthier.lifecycle.spending import spend
from luthier.lifecycle.workspace import Workspace
from luthier.variants.engines.base import EngineRequest

_SEED_ROWS = 2_000
"""Seeds are drawn from the first so many training rows: prompts show a few, and variety comes from strata."""


class _Ports:
    def __init__(self, work: Workspace, variants: Variants, model: str, judge: str | None) -> None:
        self._work, self._engine = work, variants.engine(model)
        self._judge = variants.engine(judge) if judge else self._engine

    def answer(self, requests: Sequence[EngineRequest]) -> Sequence[Answer]:
        return self._engine.answer(requests)

    def judge(self, requests: Sequence[EngineRequest]) -> Sequence[Answer]:
        return self._judge.answer(requests)

    def progress(self, done: int, of: int) -> None:
        self._work.voice.progress("rows written and valid", done, of)


def synthesize(work: Workspace, model: str, count: int, target: Path, *, seed: int) -> Synthesis:
    """What a run gave; its rows are in `target` as chat JSONL, the run is kept as an artifact, its cost is entered.

    Raises:
        UnknownName: No model is called so.
        UserError: The target exists, the prompt names what it is not given, or no row is fit to be shown.

    """
    judge = work.config.data.synthesize.judge
    for name in (model, judge):
        if name is not None and name not in work.config.models:
            raise UnknownName("model", name, work.config.models)
    if target.exists():
        raise UserError(f"{str(target)!r} exists already", hint="name a new file")
    section, snapshot = work.config.data.synthesize, work.require("data")
    prompt = work.file(section.prompt).read_text(encoding="utf-8") if section.prompt else packaged_prompt()
    check_prompt(prompt)
    seeds = [row for row in rows_of(work, "train")[:_SEED_ROWS] if not row.synthetic]
    splits: tuple[Split, ...] = ("train", "validation")
    known = (row.asked for split in splits for row in rows_of(work, split))
    languages = section.languages or work.config.data.clean.languages
    charter = work.config.charter
    began = time.monotonic()
    made = run(
        _Ports(work, Variants(work, lambda: admitted_rows(work, "train")), model, judge),
        section,
        seeds,
        known,
        Validator(section, work.tools, languages, gold_set(work).examples),
        prompt=prompt,
        task=charter.problem if charter else "",
        tags=work.config.data.gold.stratify_by,
        tools=work.tools,
        count=count,
        generator=_told(work, model),
        judging=Judging(_told(work, judge), judge_prompt()) if judge else None,
        snapshot=snapshot,
        seed=seed,
    )
    seconds = Decimal(str(round(time.monotonic() - began, 3)))
    spend(work, "data", f"synthetic rows of {model}", seconds=seconds, paid=made.cost)
    digest = work.keep(made, kind="synthesis", parents=[snapshot])
    counts = {"kept": len(made.rows), "asked": made.asked, **made.rejected}
    work.store.audit.append(work.actor, "data.synthesize", digest, counts, now=work.clock())
    _write(target, made)
    return made


def _told(work: Workspace, model: str) -> str:
    """A model as the project names it, and what it is."""
    chosen = work.config.models[model]
    return f"{model} ({chosen.engine}: {chosen.id})"


def _write(target: Path, made: Synthesis) -> None:
    """The rows as JSONL, as a whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.part")
    fresh.write_bytes(b"".join(canonical_json(record) + b"\n" for record in made.records()))
    fresh.replace(target)
