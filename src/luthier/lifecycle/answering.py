"""Variants as they stand in this project: config, prompts, indexes and adapters put together, and asked."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from luthier.domain.answers import Answer
from luthier.domain.digests import digest_of_bytes
from luthier.domain.examples import Example, Message
from luthier.domain.runs import TrainingRun
from luthier.domain.variants import ModelRef, RetrievalRef, ShotChoice, Variant
from luthier.errors import UnknownName
from luthier.lifecycle.knowledge import open_indexes
from luthier.lifecycle.prompts import prompt_text
from luthier.lifecycle.workspace import Workspace
from luthier.train.types import BaseModel
from luthier.variants.answering import answer_all
from luthier.variants.config import ModelConfig, VariantConfig
from luthier.variants.engines.base import Engine, EngineSetup, HoldsAdapters, Told
from luthier.variants.engines.catalogue import open_engine
from luthier.variants.engines.folders import model_folder, weights_digest
from luthier.variants.retrieval.index import Index
from luthier.variants.shots import pick_shots

Examples = Callable[[], Sequence[Example]]


class Variants:
    """Builds the project's variants and answers with them; engines and indexes are opened once and kept."""

    def __init__(self, work: Workspace, train: Examples) -> None:
        self._work = work
        self._train = train
        self._engines: dict[str, Engine] = {}
        self._texts: dict[str, dict[str, str]] = {}

    @cached_property
    def indexes(self) -> Mapping[str, Index]:
        """Every knowledge base, indexed as its documents are now."""
        return open_indexes(self._work)

    def of(self, name: str, *, adapter: str | None = None, run: str = "") -> Variant:
        """The variant `name` with everything that changes its answers pinned; tuned ones carry the adapter of `run`."""
        sections = self._work.config.variants
        if name not in sections:
            raise UnknownName("variant", name, sections.keys())
        section = sections[name]
        retrieval = None
        if section.retrieval is not None:
            top_k = self._work.config.retrieval[section.retrieval].top_k
            retrieval = RetrievalRef(kb=section.retrieval, index=self.indexes[section.retrieval].digest, top_k=top_k)
        return Variant(
            name=name,
            model=self.model_ref(section.model),
            prompt=prompt_text(self._work, section.prompt),
            shots=self._shots(section),
            shot_choice=_shot_choice(section),
            retrieval=retrieval,
            adapter=(adapter or self.trained_adapter(run)) if section.adapter else None,
            decoding=section.decoding.decoding(),
        )

    def trained_adapter(self, run: str = "") -> str:
        """The adapter of the last training run of that name; Refused when nothing was trained."""
        return self._work.fetch(self._work.require("train", run), TrainingRun).adapter

    def answer(
        self, variant: Variant, questions: Sequence[Sequence[Message]], told: Told | None = None
    ) -> list[Answer]:
        """One answer per question, from the variant's own engine; `told` hears each as it comes."""
        return answer_all(
            variant,
            questions,
            engine=self._engine_with_adapter(variant),
            index=self.indexes[variant.retrieval.kb] if variant.retrieval else None,
            tools=self._work.tools,
            told=told,
        )

    def passages(self, variant: Variant, ids: Sequence[str]) -> list[str]:
        """The texts of passages that the variant was shown."""
        if variant.retrieval is None or not ids:
            return []
        if variant.retrieval.kb not in self._texts:
            known = self.indexes[variant.retrieval.kb].passages
            self._texts[variant.retrieval.kb] = {each.id: f"{each.title}\n{each.text}" for each in known}
        return [self._texts[variant.retrieval.kb].get(each, "") for each in ids]

    def base_model(self, name: str) -> BaseModel:
        """The local model of that name, pinned, as a run trains it or is compared with it."""
        folder = self.base_folder(name)
        return BaseModel(folder=folder, weights=weights_digest(folder), id=self._work.config.models[name].id)

    def base_folder(self, name: str) -> Path:
        """The folder of a local base model."""
        return model_folder(self._work.config.models[name].id, root=self._work.loaded.folder)

    def _shots(self, section: VariantConfig) -> tuple[Example, ...]:
        if not section.examples:
            return ()
        rows = self._real_rows()
        count = section.examples if section.choose == "random" else min(section.choose_from, len(rows))
        return pick_shots(rows, max(count, section.examples), seed=self._work.config.data.seed)

    def _real_rows(self) -> list[Example]:
        """Training rows that people wrote: a row a model wrote is shown to nobody before reviewers accepted it."""
        return [row for row in self._train() if not row.synthetic]

    def model_ref(self, name: str) -> ModelRef:
        """One of the project's models, with everything that changes its answers pinned."""
        model = self._work.config.models[name]
        weights = weights_digest(self.base_folder(name)) if model.engine == "local" else None
        if model.engine == "recorded":
            weights = digest_of_bytes(self._work.file(model.id).read_bytes())
        if model.engine == "nearest":
            weights = self._work.require("data", "rows")  # what is copied decides the answers, as weights do
        return ModelRef(engine=model.engine, id=model.id, base_url=model.base_url, weights=weights)

    def _engine_with_adapter(self, variant: Variant) -> Engine:
        engine = self.engine(self._work.config.variants[variant.name].model)
        if variant.adapter and isinstance(engine, HoldsAdapters) and variant.adapter not in engine.adapters:
            engine.add_adapter(variant.adapter, adapter_folder(self._work, variant.adapter))
        return engine

    def engine(self, name: str) -> Engine:
        """The engine of one of the project's models, opened once."""
        if name not in self._engines:
            model = self._work.config.models[name]
            self._engines[name] = open_engine(model, self._setup(model))
        return self._engines[name]

    def _setup(self, model: ModelConfig) -> EngineSetup:
        key = self._work.environment.secret(model.api_key_env) if model.api_key_env else None
        examples = self._real_rows() if model.engine == "nearest" else ()
        return EngineSetup(root=self._work.loaded.folder, api_key=key, examples=examples)


def _shot_choice(section: VariantConfig) -> ShotChoice | None:
    if section.choose == "random" or not section.examples:
        return None
    return ShotChoice(how=section.choose, count=section.examples)


def adapter_folder(work: Workspace, digest: str) -> Path:
    """The adapter's files on this machine, fetched from the artifacts when they are not there yet."""
    target = work.home / "adapters" / digest
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        work.store.artifacts.materialise(digest, target)
    return target
