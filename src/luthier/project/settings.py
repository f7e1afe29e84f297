"""Every value of a loaded config with where it came from."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, JsonValue

from luthier.domain.value import Value
from luthier.project.masking import masked
from luthier.project.reader import Loaded, M
from luthier.project.tree import Plain


class Setting(Value):
    """One value as `luthier config` shows it."""

    path: str
    value: JsonValue
    origin: str


def settings(loaded: Loaded[M]) -> list[Setting]:
    """Every single value and every list of single values, in the model's order; secrets are masked."""
    return [
        Setting(path=".".join(path), value=_shown(path, value), origin=loaded.origin(path))
        for path, value in _leaves(_plain(loaded.config), ())
    ]


def _plain(config: BaseModel) -> Plain:
    plain: Plain = config.model_dump(mode="json", by_alias=True)
    return plain


def _leaves(value: Plain, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Plain]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(index)))
    else:
        yield path, value


def _shown(path: Sequence[str], value: Plain) -> Plain:
    if isinstance(value, list):
        return [_shown(path, item) for item in value]
    return masked(path, value) if isinstance(value, str) else value
