"""A command of luthier that dies by SIGKILL right after its n-th durable write or removal: `AT WORDS...`.

With AT 0 it lives, and says at the end how many there were.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from luthier.cli.main import main
from luthier.store.database import Database
from luthier.store.objects import Objects

steps = 0


def step(at: int) -> None:
    global steps  # noqa: PLW0603 - one counter of one process
    steps += 1
    if steps == at:
        os.kill(os.getpid(), signal.SIGKILL)


def arm(at: int) -> None:
    write, remove, keep = Database.write, Objects.remove, Objects._keep

    @contextmanager
    def counted_write(self: Database, **words: Any) -> Iterator[Any]:
        with write(self, **words) as session:
            yield session
        step(at)

    def counted(deed: Callable[..., Any]) -> Callable[..., Any]:
        def done(*words: Any) -> Any:
            result = deed(*words)
            step(at)
            return result

        return done

    Database.write = counted_write  # type: ignore[method-assign,assignment]
    Objects.remove = counted(remove)  # type: ignore[method-assign]
    Objects._keep = counted(keep)  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(int(sys.argv.pop(1)))
    try:
        main()
    finally:
        sys.stderr.write(f"{steps}\n")
