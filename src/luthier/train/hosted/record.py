"""What was asked of the provider, durable before and after it costs anything."""

from pathlib import Path

from pydantic import ValidationError

from luthier.domain.value import Value
from luthier.errors import Tampered
from luthier.train.durable import file_in_one_move


class Asked(Value):
    """How far a hosted run has come; `is_creating` is set before the one request that costs money."""

    identity: str
    training_file: str | None = None
    validation_file: str | None = None
    is_creating: bool = False
    job: str | None = None


def read(folder: Path, identity: str) -> Asked:
    """The record of that run, or a fresh one."""
    file = _file(folder, identity)
    if not file.is_file():
        return Asked(identity=identity)
    try:
        return Asked.model_validate_json(file.read_bytes())
    except ValidationError as fault:
        raise Tampered(
            f"{str(file)!r} is no record of a hosted run", hint="delete it; the provider is asked"
        ) from fault


def keep(folder: Path, asked: Asked) -> Asked:
    """The record, durable now."""
    folder.mkdir(parents=True, exist_ok=True)
    file_in_one_move(_file(folder, asked.identity), asked.model_dump_json().encode())
    return asked


def unfinished(folder: Path) -> list[Asked]:
    """The records of all runs in `folder`."""
    return [
        read(folder, Asked.model_validate_json(file.read_bytes()).identity) for file in folder.glob("hosted-*.json")
    ]


def forget(folder: Path, identity: str) -> None:
    """No record of that run is left."""
    _file(folder, identity).unlink(missing_ok=True)


def _file(folder: Path, identity: str) -> Path:
    return folder / f"hosted-{identity[:16]}.json"
