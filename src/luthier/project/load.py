"""From a folder to its project: find the file, read it, check it."""

from collections.abc import Iterable
from pathlib import Path

from luthier.errors import MissingInput
from luthier.project.config import ProjectConfig
from luthier.project.environment import Environment
from luthier.project.reader import Loaded, read
from luthier.project.references import reference_faults

FILE_NAME = "luthier.yaml"


def find_project_file(start: Path | None = None) -> Path:
    """The file itself, the one in this folder, or - when nothing is given - the nearest one upwards from here."""
    if start is None:
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / FILE_NAME).is_file():
                return folder / FILE_NAME
        raise MissingInput(f"no {FILE_NAME} here or above {str(here)!r}", hint="name the project with --project PATH")
    path = (start / FILE_NAME if start.is_dir() else start).absolute()
    if not path.is_file():
        raise MissingInput(f"there is no project file {str(path)!r}", hint="name its folder with --project PATH")
    return path


def load_project(
    start: Path | None = None, *, assignments: Iterable[str] = (), environment: Environment | None = None
) -> Loaded[ProjectConfig]:
    """The project at `start` or nearest upwards, or all of its faults."""
    path = find_project_file(start)
    return read(
        path,
        ProjectConfig,
        assignments=assignments,
        environment=environment or Environment.of_process(),
        checks=(reference_faults,),
    )
