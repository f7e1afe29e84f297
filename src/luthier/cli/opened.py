"""How a command opens its project."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from luthier.cli.voice import TerminalVoice
from luthier.errors import Unauthenticated
from luthier.lifecycle.workspace import Workspace
from luthier.store import Principal, key_secret

KEY_VARIABLE = "LUTHIER_KEY"
ControlOption: TypeAlias = Annotated[
    bool, typer.Option("--control", help="With the adapter of the control run, trained on shuffled answers.")
]
ForceOption: TypeAlias = Annotated[bool, typer.Option("--force", help="Do again what is done and unchanged.")]


@contextmanager
def opened(
    project: Path | None, assignments: Sequence[str] | None, *, as_json: bool = False, force: bool = False
) -> Iterator[Workspace]:
    """The project with its store; progress goes to standard error, and nowhere with --json."""
    voice = TerminalVoice(silent=as_json)
    with Workspace.open(project, assignments=assignments or (), voice=voice, force=force) as work:
        yield work


def signed_in(work: Workspace) -> Principal:
    """Whoever holds the key in LUTHIER_KEY; Unauthenticated when it opens nothing."""
    secret = key_secret(work.environment.secret(KEY_VARIABLE).get_secret_value())
    principal = work.store.identity.authenticate_key(secret, work.clock()) if secret else None
    if principal is None:
        raise Unauthenticated(
            f"the key in {KEY_VARIABLE} is unknown, expired or revoked", hint="make one: luthier user key"
        )
    return principal
