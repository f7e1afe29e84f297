"""The project's own secrets: the salt of row digests and hashed personal data, and the key of what is locked."""

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


def pii_key(work: Workspace) -> str | None:
    """The key under which personal data is locked, where `data.pii.action` is `encrypt`."""
    name = work.config.data.pii.key
    return work.environment.secret(name).get_secret_value() if name else None
