"""`luthier train cancel` after the process that ran a hosted job was killed by the kernel."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.workshop import make_workshop
from tests.flow.train.hosted_server import KEY, MODELS, Provider
from tests.flow.train.test_hosted import listening
from tests.flow.train.test_hosted_killed import CREATION, LOOK, Executioner, ended


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workshop(tmp_path_factory.mktemp("hosted") / "project").folder


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Executioner, str]]:
    executioner = Executioner(Provider())
    with listening(executioner) as url:
        yield executioner, url


@pytest.fixture
def project(workshop: Path, tmp_path: Path, door: tuple[Executioner, str], monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that trains at the provider behind the door."""
    monkeypatch.setenv("HOSTED_KEY", KEY)
    folder = Path(shutil.copytree(workshop, tmp_path / "project"))
    written = yaml.safe_load((folder / "luthier.yaml").read_text())
    written["train"] = {"epochs": 2, "backend": {
        "kind": "hosted", "base_url": door[1], "key_env": "HOSTED_KEY", "model": MODELS[0], "poll_seconds": 0.01,
        "price_per_million_tokens": 25,
    }}  # fmt: skip
    (folder / "luthier.yaml").write_text(yaml.safe_dump(written))
    return Project(folder)


@pytest.mark.parametrize(
    ("at", "after"), [((LOOK, 2), False), ((CREATION, 1), True)], ids=["while it waits", "before it heard of the job"]
)
def test_a_job_whose_run_was_killed_is_cancelled_and_the_next_run_makes_a_new_one(
    project: Project, door: tuple[Executioner, str], at: tuple[str, int], *, after: bool
) -> None:
    executioner = door[0]
    executioner.provider = provider = Provider(stands_still=True)
    executioner.at, executioner.is_after, executioner.seen = at, after, 0
    executioner.victim = project.spawned("train", "run")
    _, wrong = ended(executioner.victim)
    assert executioner.victim.returncode == -signal.SIGKILL, wrong
    executioner.at = None
    assert len(provider.jobs) == 1

    assert project.answered("train", "cancel") == {"cancelled": ["ftjob-1"]}
    assert provider.jobs["ftjob-1"]["status"] == "cancelled"
    assert (provider.charged, provider.files) == (0, {})
    assert project.answered("train", "cancel") == {"cancelled": []}
    with project.opened() as work:
        kept = [entry.detail for entry in work.store.audit.entries() if entry.action == "train.cancel"]
    assert kept == [{"jobs": ["ftjob-1"]}, {"jobs": []}]

    provider.stands_still = False
    done = project.luthier("train", "run")
    assert done.code == 0, done.err
    assert (provider.charged, list(provider.jobs)) == (1, ["ftjob-1", "ftjob-2"])
    with project.opened() as work:
        bought = [entry.subject for entry in work.store.ledger.entries() if entry.unit == "million trained tokens"]
    assert bought == ["tuning run, job ftjob-2"]


def test_a_job_that_has_ended_is_fetched_by_the_next_run_and_not_cancelled(
    project: Project, door: tuple[Executioner, str]
) -> None:
    executioner = door[0]
    executioner.provider = provider = Provider()
    executioner.at, executioner.is_after, executioner.seen = (LOOK, 4), False, 0
    executioner.victim = project.spawned("train", "run")
    ended(executioner.victim)
    executioner.at = None
    assert provider.jobs["ftjob-1"]["status"] == "succeeded"
    assert project.answered("train", "cancel") == {"cancelled": []}
    done = project.luthier("train", "run")
    assert done.code == 0, done.err
    assert (provider.charged, list(provider.jobs)) == (1, ["ftjob-1"])
