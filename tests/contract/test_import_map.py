"""Who may import whom, checked on the source of every layer, inside functions too."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "luthier"
STAGES = {"assess", "data", "review", "train", "evaluate", "release", "rollout", "monitor", "costs"}
FLOORS = {"domain": set[str](), "text": {"domain"}, "variants": {"domain", "text"}, "store": {"domain"}}
SHARED = {"domain", "text", "variants"}
SERVING = {"gateway", "engine"}
PROJECT = SHARED | STAGES | SERVING
LIFECYCLE = PROJECT | {"project", "store"}
MAY_IMPORT = (
    FLOORS
    | dict.fromkeys(STAGES | SERVING, SHARED)
    | {
        "project": PROJECT,
        "lifecycle": LIFECYCLE,
        "cli": LIFECYCLE | {"lifecycle"},
        "server": LIFECYCLE | {"lifecycle"},
    }
)
HEAVY = {"torch", "transformers", "peft", "accelerate", "trl", "bitsandbytes", "ray", "vllm"}


def imported_names(source: str) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names += [f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def layers_imported_by(source: str) -> set[str]:
    ours = [name.split(".") for name in imported_names(source) if name.startswith("luthier.")]
    return {parts[1] for parts in ours} & MAY_IMPORT.keys()


def heavy_imported_by(source: str) -> set[str]:
    return {name.split(".")[0] for name in imported_names(source)} & HEAVY


def layers_present(root: Path) -> set[str]:
    return {folder.name for folder in root.iterdir() if any(folder.glob("*.py"))}


def breaches(root: Path) -> dict[str, set[str]]:
    """File -> the layers that it imports and may not; raises when a layer has nothing to look at."""
    found: dict[str, set[str]] = {}
    for layer in sorted(layers_present(root)):
        for file in (root / layer).rglob("*.py"):
            extra = layers_imported_by(file.read_text(encoding="utf-8")) - {layer} - MAY_IMPORT[layer]
            if extra:
                found[str(file.relative_to(root))] = extra
    return found


def is_outdoors(file: Path) -> bool:
    inside = file.relative_to(ROOT).parts
    return "backends" in inside or inside[:2] == ("variants", "engines")


def test_every_layer_is_on_the_map() -> None:
    present = layers_present(ROOT)
    assert present >= {"domain", "project", "cli"}, "the map looked at nothing"
    assert present <= MAY_IMPORT.keys()


def test_every_layer_imports_only_what_the_map_allows() -> None:
    assert breaches(ROOT) == {}


@pytest.mark.parametrize("layer", sorted(layers_present(ROOT)))
def test_a_present_layer_holds_source_to_look_at(layer: str) -> None:
    assert any(file.stat().st_size for file in (ROOT / layer).rglob("*.py"))


def test_errors_registry_and_section_import_no_layer() -> None:
    files = [ROOT / name for name in ("errors.py", "registry.py", "section.py")]
    assert [layers_imported_by(file.read_text(encoding="utf-8")) for file in files] == [set(), set(), set()]


def test_no_import_is_relative_so_that_the_map_misses_none() -> None:
    files = list(ROOT.rglob("*.py"))
    assert files
    relative = [str(f) for f in files if any(n.startswith(".") for n in imported_names(f.read_text(encoding="utf-8")))]
    assert relative == []


def test_heavy_libraries_are_imported_in_backends_and_engines_only() -> None:
    indoors = {
        str(f.relative_to(ROOT)): heavy_imported_by(f.read_text(encoding="utf-8"))
        for f in ROOT.rglob("*.py")
        if not is_outdoors(f)
    }
    assert indoors
    assert {file: heavy for file, heavy in indoors.items() if heavy} == {}


@pytest.mark.parametrize(
    ("layer", "planted"),
    [
        ("domain", "from luthier.store.tables import Table"),
        ("data", "from luthier.train.stage import run"),
        ("evaluate", "def f():\n    import luthier.store.audit"),
        ("cli", "from luthier.server import app"),
        ("server", "from luthier.cli.output import show"),
        ("gateway", "from luthier.data.config import DataConfig"),
        ("engine", "from luthier import gateway"),
        ("project", "from luthier.lifecycle import plan"),
    ],
)
def test_a_planted_import_trips_the_map(tmp_path: Path, layer: str, planted: str) -> None:
    (tmp_path / layer).mkdir()
    (tmp_path / layer / "module.py").write_text(planted, encoding="utf-8")
    assert list(breaches(tmp_path)) == [f"{layer}/module.py"]


def test_a_planted_heavy_import_is_seen_inside_a_function() -> None:
    assert heavy_imported_by("def f():\n    from torch.nn import Module\n") == {"torch"}
