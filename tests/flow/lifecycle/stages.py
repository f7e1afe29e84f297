"""One project walked once through its chain, kept as it stood at each stop, for tests to copy."""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from luthier.domain.interactions import Arm, Feedback, Interaction
from luthier.lifecycle.serving.shipping import row_of
from luthier.store import FeedbackRow
from tests.flow.lifecycle.play import APPROVER, BEGINNING, EXAMPLE, OPERATOR, PEOPLE, Outcome, Project, generate

SMALL = Path(__file__).with_name("small.yaml")
OVERRULED = "Rehearsal on few rows: the gate cannot know more."
ROWS = ("--rows", "300")
READS = "The card shows what I need to know."


@dataclass(frozen=True)
class Stop:
    """The project as it stood when the walk stopped, and the commands that led there from the stop before."""

    folder: Path
    outcomes: tuple[Outcome, ...]


class Stages:
    """The stops of one walk below `root`, each made once, also when several test processes share the folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def stop(self, name: str) -> Stop:
        """The stop of that name, walked to when nobody has been there yet."""
        with self._alone():
            for place, (each, walk) in enumerate(WALK.items()):
                if not self._told(each).exists():
                    before = list(WALK)[place - 1] if place else None
                    self._walk(before, each, walk)
                if each == name:
                    break
        told = json.loads(self._told(name).read_text())
        return Stop(self._root / name, tuple(Outcome(**one | {"words": tuple(one["words"])}) for one in told))

    def copy(self, name: str, target: Path) -> Project:
        """A project of the test's own, as it stood at that stop."""
        return Project(Path(shutil.copytree(self.stop(name).folder, target)))

    def _walk(self, before: str | None, name: str, walk: "Walk") -> None:
        folder = self._root / name
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            folder.mkdir()
        else:
            shutil.copytree(self._root / before, folder)
        outcomes = walk(Project(folder))
        assert [outcome.code for outcome in outcomes] == CODES[name], outcomes
        self._told(name).write_text(json.dumps([asdict(outcome) for outcome in outcomes]))

    def _told(self, name: str) -> Path:
        return self._root / f"{name}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def serve_made_up(project: Project, release_id: str, arm: Arm, count: int, *, solved: bool = True) -> None:
    """Interactions and what the CRM said of them, as if the gateway had served them now."""
    with project.opened() as work:
        now, start = work.clock(), len(work.store.interactions.query())
        made = [
            Interaction(
                id=f"made-up-{start + number}", at=now, user_key=f"user-{number}", release_id=release_id,
                variant="0" * 64, arm=arm, asked="Please book a call.", answered="{}", status_code=200,
                latency_seconds=0.1, prompt_tokens=9, completion_tokens=3, guards={"valid_call": True},
            )
            for number in range(count)
        ]  # fmt: skip
        work.store.interactions.add_many([row_of(one) for one in made])
        for one in made:
            said = Feedback(interaction_id=one.id, at=now, kind="solved", value=solved)
            work.store.interactions.add_feedback(FeedbackRow.model_validate(said.model_dump()))


def _fresh(project: Project) -> list[Outcome]:
    for name in ("tools.json", "prompts"):
        source, target = EXAMPLE / name, project.folder / name
        _ = shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    shutil.copy(SMALL, project.folder / "luthier.yaml")
    generate(project.folder, *ROWS)
    project.set_clock(BEGINNING)
    (project.folder / "keys.json").write_text("{}")
    keys, outcomes = {}, []
    for name, roles in PEOPLE.items():
        outcomes.append(project.luthier("user", "add", name, *(f"--role={role}" for role in roles)))
        outcomes.append(project.luthier("user", "key", name))
        keys[name] = outcomes[-1].out.strip()
    (project.folder / "keys.json").write_text(json.dumps(keys))
    return outcomes


def _unreviewed(project: Project) -> list[Outcome]:
    return [project.luthier("run")]


def _unapproved(project: Project) -> list[Outcome]:
    return [project.luthier("review", "simulate"), project.luthier("run")]


def _held(project: Project) -> list[Outcome]:
    return [
        project.luthier("release", "approve", "crm-small-1", "--reason", READS, by=APPROVER),
        project.luthier("run"),
    ]


def _proposed(project: Project) -> list[Outcome]:
    return [
        project.luthier("release", "propose", "tuned_rag", "--override", OVERRULED),
        project.luthier("run"),
    ]


def _approved(project: Project) -> list[Outcome]:
    return [project.luthier("release", "approve", "crm-small-2", "--reason", READS, by=APPROVER)]


def _completed(project: Project) -> list[Outcome]:
    """The tuned release through both stages, on made-up traffic."""
    outcomes = [project.luthier("rollout", "start", "crm-small-2", by=OPERATOR)]
    for _ in range(2):
        project.set_clock(project.now + timedelta(hours=1))
        serve_made_up(project, "crm-small-2", "canary", 40)
        serve_made_up(project, "crm-small-1", "stable", 40)
        project.set_clock(project.now + timedelta(hours=48))
        outcomes.append(project.luthier("rollout", "watch", "--once", by=OPERATOR))
    return outcomes


Walk = Callable[[Project], Sequence[Outcome]]
WALK: dict[str, Walk] = {
    "fresh": _fresh,
    "unreviewed": _unreviewed,
    "unapproved": _unapproved,
    "held": _held,
    "proposed": _proposed,
    "approved": _approved,
    "completed": _completed,
}
CODES = {
    "fresh": [0] * 2 * len(PEOPLE),
    "unreviewed": [3],
    "unapproved": [0, 3],
    "held": [0, 4],
    "proposed": [0, 3],
    "approved": [0],
    "completed": [0, 0, 0],
}
