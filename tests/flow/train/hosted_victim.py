"""A hosted run in a process of its own, to be killed by whoever serves it: `hosted_victim URL FOLDER`."""

import sys
import time
from pathlib import Path

import httpx
from pydantic import SecretStr

from luthier.domain.runs import CurvePoint
from luthier.train.backend_config import HostedBackend
from luthier.train.config import TrainConfig
from luthier.train.hosted.api import FineTuningApi
from luthier.train.hosted.stage import run
from luthier.train.types import Conversation

KEY, MODEL = "sk-hosted", "gpt-4o-mini-2024-07-18"


class Ports:
    """The real clock, and no patience between two looks."""

    def __init__(self, folder: Path) -> None:
        self.checkpoints = folder

    def monotonic_seconds(self) -> float:
        """Of this machine."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Not at all: the server is near and moves on at every look."""

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        """Nobody watches."""

    def say(self, text: str) -> None:
        """Nobody listens."""


def rows(split: str) -> list[Conversation]:
    """A dozen conversations."""
    found = []
    for number in range(12):
        said = {"user": f"{split} {number}", "assistant": f"so {number}"}
        turns = [{"role": role, "content": text} for role, text in said.items()]
        found.append(Conversation.model_validate({"id": f"{split} {number}", "messages": turns}))
    return found


def main() -> None:
    """Runs to its end and prints the job's name."""
    url, ports = sys.argv[1], Ports(Path(sys.argv[2]))
    backend = HostedBackend.model_validate({"kind": "hosted", "base_url": url, "model": MODEL, "poll_seconds": 1})
    with httpx.Client(trust_env=False, timeout=60) as client:
        api = FineTuningApi(url, SecretStr(KEY), client, sleep=ports.sleep)
        config = TrainConfig(epochs=3)
        found = run(ports, api, config, backend, train=rows("train"), validation=rows("held out"))
    print(found.hosted.job)  # noqa: T201


if __name__ == "__main__":
    main()
