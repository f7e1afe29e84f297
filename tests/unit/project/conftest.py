"""The design's own project file, in a folder of the test's own."""

import shutil
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "project" / "example"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that holds the example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "project"))
