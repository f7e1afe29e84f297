"""Hosted runs ended by SIGKILL from outside, in the middle of a request: what was paid for is paid for once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flow.train.hosted_server import Provider
from tests.flow.train.test_hosted import listening

ROOT = Path(__file__).parents[3]
HANGS_AFTER_SECONDS = 3600
"""A victim takes three processor seconds, which on a machine that others hold may be many minutes."""
UPLOAD, CREATION, LOOK = "POST /v1/files", "POST /v1/fine_tuning/jobs", "GET /v1/fine_tuning/jobs/ftjob-1"


@dataclass
class Executioner:
    """The provider's door: at one request it kills whoever asked, before the deed or after it and before the reply."""

    provider: Provider
    victim: "subprocess.Popen[str] | None" = None
    at: tuple[str, int] | None = None
    """A request and which time that it is asked, from 1."""
    is_after: bool = False
    seen: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if self.at is None or f"{scope['method']} {scope['path']}" != self.at[0]:
            await self.provider.app()(scope, receive, send)
            return
        self.seen += 1
        if self.seen != self.at[1]:
            await self.provider.app()(scope, receive, send)
            return
        if self.is_after:
            await self.provider.app()(scope, receive, _unheard)
        assert self.victim is not None
        os.kill(self.victim.pid, signal.SIGKILL)


async def _unheard(_message: Any) -> None:
    """A reply that reaches nobody."""


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Executioner, str]]:
    executioner = Executioner(Provider())
    with listening(executioner) as url:
        yield executioner, url


def started(url: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flow.train.hosted_victim", url, str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """What a process wrote until it ended; one that hangs is ended, and that is an error."""
    try:
        return process.communicate(timeout=HANGS_AFTER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise


def killed(door: tuple[Executioner, str], folder: Path, at: tuple[str, int], *, after: bool) -> Provider:
    """The provider after a run that was killed at that request."""
    executioner, url = door
    executioner.provider, executioner.at, executioner.is_after, executioner.seen = Provider(), at, after, 0
    executioner.victim = started(url, folder)
    ended(executioner.victim)
    assert executioner.victim.returncode == -signal.SIGKILL
    executioner.at = None
    return executioner.provider


@pytest.mark.parametrize("after", [False, True], ids=["before the deed", "after the deed"])
@pytest.mark.parametrize(
    "at", [(UPLOAD, 1), (UPLOAD, 2), (CREATION, 1), (LOOK, 1), (LOOK, 3)], ids=lambda at: f"{at[0]} {at[1]}"
)
def test_a_run_killed_by_sigkill_is_paid_for_once_and_leaves_no_rows(
    door: tuple[Executioner, str], tmp_path: Path, at: tuple[str, int], *, after: bool
) -> None:
    provider = killed(door, tmp_path, at, after=after)
    told, wrong = ended(started(door[1], tmp_path))
    assert told.strip() == "ftjob-1", wrong
    assert provider.charged == len(provider.jobs) == 1
    assert provider.files == {}
