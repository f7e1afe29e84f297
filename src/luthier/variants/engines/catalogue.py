"""The engines that come with luthier; a library is loaded when its engine is opened, not before."""

# The imports inside these functions are the point: torch takes seconds that `luthier --help` must not pay.
# ruff: noqa: PLC0415

from luthier.errors import UserError
from luthier.variants.config import ModelConfig
from luthier.variants.engines.base import Engine, EngineSetup, engines
from luthier.variants.engines.folders import model_folder


def open_engine(model: ModelConfig, setup: EngineSetup) -> Engine:
    """The engine that `model` names, ready to answer; UnknownName when nothing is registered under that name."""
    return engines.get(model.engine)(model, setup)


@engines.add("local")
def _local(model: ModelConfig, setup: EngineSetup) -> Engine:
    from luthier.variants.engines.local import LocalEngine

    folder = model_folder(model.id, root=setup.root)
    return LocalEngine.load(folder, threads=model.threads, batch_size=model.batch_size, price=model.price)


@engines.add("openai")
def _openai(model: ModelConfig, setup: EngineSetup) -> Engine:
    from luthier.variants.engines.openai import OpenAIEngine

    return OpenAIEngine.of(model, setup)


@engines.add("recorded")
def _recorded(model: ModelConfig, setup: EngineSetup) -> Engine:
    from luthier.variants.engines.recorded import RecordedEngine

    return RecordedEngine.read(setup.root / model.id, price=model.price)


@engines.add("nearest")
def _nearest(model: ModelConfig, setup: EngineSetup) -> Engine:
    from luthier.variants.engines.nearest import NearestEngine

    if not setup.examples:
        raise UserError(f"model {model.id!r} copies training answers and was given none", hint="build the data first")
    return NearestEngine(setup.examples, price=model.price)
