"""The project that several flows start from, walked once per test session however many processes run the tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.stages import Stages


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The stops of one walk through the chain."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    return Stages(shared / "walk")


@pytest.fixture
def project_at(stages: Stages, tmp_path: Path) -> Callable[[str], Project]:
    """A copy of the project as it stood at a stop, the test's own."""
    return lambda name: stages.copy(name, tmp_path / "project")
