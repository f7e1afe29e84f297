"""The project's settings with some of them changed."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from luthier.errors import UnknownName, UserError
from luthier.train.config import TrainConfig
from luthier.train.lab.config import Setting


def changed(config: TrainConfig, chosen: Mapping[str, Setting]) -> TrainConfig:
    """The settings with those of `chosen`, such as `adapter.rank`, in place; UserError where they contradict."""
    written = config.model_dump(mode="json")
    for name, value in chosen.items():
        _put(written, name, value)
    return validated(written, told=str(dict(chosen)))


def validated(written: Mapping[str, object], *, told: str) -> TrainConfig:
    """The settings that were written; UserError where they cannot stand together."""
    try:
        return TrainConfig.model_validate(written)
    except ValidationError as fault:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in fault.errors())
        raise UserError(f"with {told} the `train` section cannot stand: {faults}", hint="change it or that") from fault


def _put(written: dict[str, object], name: str, value: Setting) -> None:
    *path, last = name.split(".")
    here: dict[str, object] = written
    for part in path:
        inner = here.get(part)
        if not isinstance(inner, dict):
            raise UnknownName("setting of `train`", name, sorted(_names(written)))
        here = inner
    if last not in here:
        raise UnknownName("setting of `train`", name, sorted(_names(written)))
    here[last] = value


def _names(written: Mapping[str, object], prefix: str = "") -> Iterable[str]:
    for key, value in written.items():
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
