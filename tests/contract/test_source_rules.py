"""Rules of the source that no linter setting states exactly."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "luthier"
CATCH_ALL = {"Exception", "BaseException"}
MAY_CATCH_ALL = {
    "server/errors.py",
    "lifecycle/worker.py",
    "engine/scheduler.py",
    "gateway/app.py",  # each of these logs the traceback under an error id
    "data/executors/backends/cluster.py",  # Ray raises plain `Exception`s; what it raised is kept as the cause
}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}


def catches_everything(source: str) -> bool:
    """Whether a handler swallows every exception; one that ends in a bare `raise` only cleans up."""
    return any(
        _names_all(node) and not _raises_again(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ExceptHandler)
    )


def _names_all(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return handler.type is None or any(isinstance(kind, ast.Name) and kind.id in CATCH_ALL for kind in kinds)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def reads_environment(source: str) -> bool:
    """Whether anything takes the environment from `os`, under whatever name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in ENVIRONMENT:
                return True
            case ast.ImportFrom(module="os", names=names) if ENVIRONMENT & {alias.name for alias in names}:
                return True
    return False


def sources() -> Iterator[tuple[str, str]]:
    for file in ROOT.rglob("*.py"):
        yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def test_there_is_source_to_look_at() -> None:
    assert len(list(sources())) > 20


def test_every_exception_is_caught_in_the_last_handler_and_the_worker_only() -> None:
    assert {name for name, source in sources() if catches_everything(source)} <= MAY_CATCH_ALL


def test_only_the_project_reader_reads_the_environment() -> None:
    readers = {name for name, source in sources() if reads_environment(source)}
    assert readers == {"project/environment.py"}


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:\n    pass",
        "def g():\n    try:\n        f()\n    except (ValueError, BaseException) as e:\n        print(e)",
    ],
)
def test_a_planted_catch_all_is_seen(source: str) -> None:
    assert catches_everything(source)


def test_cleaning_up_before_raising_again_is_no_catch_all() -> None:
    assert not catches_everything("try:\n    f()\nexcept BaseException:\n    g()\n    raise")


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_a_planted_look_at_the_environment_is_seen(source: str) -> None:
    assert reads_environment(source)
