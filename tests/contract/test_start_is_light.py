"""What starting the command line and reading a project file may load."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "luthier"
STAGES = ("assess", "data", "review", "train", "evaluate", "release", "rollout", "monitor", "costs")
TRAINING = ("torch", "transformers", "peft", "accelerate", "trl", "ray")
HEAVY = (*TRAINING, "polars", "pandas", "pyarrow", "sqlalchemy", "fastapi", "starlette", "sklearn", "scipy", "numba")
LIST = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def loaded_by(code: str, *, arguments: Sequence[str] = ()) -> set[str]:
    """Every module in memory after the code ran in a fresh interpreter."""
    script = f"import atexit\n\n@atexit.register\ndef _tell():\n    {LIST}\n\n{code}\n"
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


def stages_in(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("luthier.") and name.split(".")[1] in STAGES}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_no_heavy_library_no_pydantic_and_no_stage(arguments: list[str]) -> None:
    modules = loaded_by("from luthier.cli.main import main; main()", arguments=arguments)
    assert "typer" in modules
    assert packages(modules).isdisjoint({*HEAVY, "pydantic", "rich", "yaml"})
    assert stages_in(modules) == set()


def test_reading_a_project_file_loads_no_heavy_library() -> None:
    modules = loaded_by("import luthier.project.load")
    assert "luthier.project.config" in modules
    assert packages(modules).isdisjoint(set(HEAVY) - {"scipy"})


def test_commands_on_a_project_load_neither_torch_nor_what_only_one_stage_computes_with() -> None:
    modules = loaded_by("import luthier.cli.status, luthier.cli.rollout, luthier.cli.run")
    assert "luthier.lifecycle.chain" in modules
    assert packages(modules).isdisjoint({*TRAINING, "pandas", "sklearn"})
    assert "scipy.stats" not in modules


def test_the_gateway_loads_neither_torch_nor_a_stage() -> None:
    names = [f"luthier.gateway.{file.stem}" for file in (ROOT / "gateway").glob("[a-z]*.py")]
    assert names
    modules = loaded_by(f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)")
    assert packages(modules).isdisjoint(TRAINING)
    assert stages_in(modules) == set()


def test_the_lister_sees_what_is_loaded() -> None:
    modules = loaded_by("import luthier.train.config, sqlalchemy")
    assert stages_in(modules) >= {"luthier.train.config"}
    assert "sqlalchemy" in packages(modules)
