"""The project's own secret salt: row digests and hashed personal data tell nothing without it."""

import secrets

from luthier.errors import Refused
from luthier.lifecycle.workspace import Workspace

STREAM = "salt"


def project_salt(work: Workspace) -> str:
    """The project's own random salt, made once; without it nobody can test a row's digest for a guess."""
    kept = work.store.events.read(STREAM)
    if not kept:
        kept = [work.store.events.append(STREAM, 0, "made", secrets.token_hex(32), work.clock())]
    salt = kept[0].payload
    if not isinstance(salt, str):
        raise Refused("the project's salt cannot be read", hint="restore the database from a backup")
    return salt
