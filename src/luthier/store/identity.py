"""Users and API keys. Neither a password nor a key can be read back; only what proves them is kept."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from pydantic import Field, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from luthier.errors import NotFound, Refused, UserError
from luthier.store.database import Database
from luthier.store.row import Digest, Moment, Row
from luthier.store.tables import KeyTable, UserTable

Role = Literal["viewer", "reviewer", "steward", "engineer", "approver", "admin", "application"]
ROLES: tuple[Role, ...] = get_args(Role)
SECRET_BYTES = 32
_PREFIX = "luthier_"
_HASHER = PasswordHasher()


class User(Row):
    """Somebody, or some application, that may sign in."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,79}$")
    roles: frozenset[Role] = Field(min_length=1)
    created_at: Moment
    disabled_at: Moment | None = None


class ApiKey(Row):
    """What may be shown of a key: all but the key."""

    key_id: str
    user: str
    roles: frozenset[Role] = Field(min_length=1)
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None


class LiveKey(Row):
    """A key that opens something, with the hash that recognises its secret."""

    sha256: Digest
    owner: str
    roles: frozenset[Role]
    expires_at: Moment | None


class Principal(Row):
    """Who is behind a credential, and what they may do with it."""

    name: str
    roles: frozenset[Role]
    key_id: str | None


def key_text(secret: bytes) -> str:
    """A key as people copy it."""
    return _PREFIX + base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def key_secret(text: str) -> bytes | None:
    """The secret in a copied key, or None where the text cannot be one."""
    body = text.removeprefix(_PREFIX)
    if body == text or not body.isascii() or len(text) > 200:
        return None
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None


class Identity:
    """Local users and API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_user(self, name: str, roles: Iterable[Role], *, now: datetime, password: str | None = None) -> User:
        """A new user; without a password they sign in by key only."""
        user = _valid_user(name, frozenset(roles), now)
        row = UserTable(
            name=user.name,
            roles=sorted(user.roles),
            password_hash=None if password is None else _HASHER.hash(password),
            created_at=user.created_at,
        )
        try:
            with self._database.write() as session:
                session.add(row)
        except IntegrityError as fault:
            raise Refused(f"a user called {name!r} exists", hint="choose another name") from fault
        return user

    def set_roles(self, name: str, roles: Iterable[Role]) -> User:
        """The user with other roles; their keys can do no more than that from now on."""
        with self._database.write() as session:
            row = _known_user(session, name)
            user = _valid_user(name, frozenset(roles), row.created_at)
            row.roles = [*sorted(user.roles)]
        return user

    def disable_user(self, name: str, now: datetime) -> None:
        """From now on no credential of this user opens anything."""
        with self._database.write() as session:
            row = _known_user(session, name)
            row.disabled_at = row.disabled_at or now

    def users(self) -> list[User]:
        """Everybody, by name."""
        with self._database.read() as session:
            return [_user(row) for row in session.scalars(select(UserTable).order_by(UserTable.name))]

    def create_key(
        self,
        user: str,
        now: datetime,
        secret: bytes,
        *,
        roles: Iterable[Role] | None = None,
        expires_at: datetime | None = None,
    ) -> ApiKey:
        """A key with the user's roles or fewer. `secret` is 32 random bytes, of which only the SHA-256 is kept."""
        if len(secret) < SECRET_BYTES:
            raise UserError(f"a key needs {SECRET_BYTES} random bytes, not {len(secret)}")
        try:
            with self._database.write() as session:
                owned = _user(_known_user(session, user)).roles
                wanted = owned if roles is None else frozenset(roles)
                if not wanted <= owned:
                    raise Refused(f"{user!r} lacks {sorted(wanted - owned)}", hint="give the user the role first")
                row = _key_row(user, wanted, now, secret, expires_at)
                session.add(row)
        except IntegrityError as fault:
            raise Refused("the key is in use already, or would end before it begins", hint="draw another") from fault
        return _key(row)

    def keys(self, user: str | None = None) -> list[ApiKey]:
        """The keys of one user or of all, oldest first, without their secrets."""
        wanted = select(KeyTable).order_by(KeyTable.created_at, KeyTable.key_id)
        if user is not None:
            wanted = wanted.where(KeyTable.user == user)
        with self._database.read() as session:
            return [_key(row) for row in session.scalars(wanted)]

    def live_keys(self, now: datetime) -> list[LiveKey]:
        """Every key that opens something at `now`, with what recognises it: for processes that must know them all."""
        with self._database.read() as session:
            users = {row.name: _user(row) for row in session.scalars(select(UserTable))}
            found = []
            for row in session.scalars(select(KeyTable).order_by(KeyTable.key_id)):
                key, user = _key(row), users[row.user]
                roles = key.roles & user.roles
                if roles and user.disabled_at is None and _is_live(key, now):
                    hashed, ends = row.secret_sha256, key.expires_at
                    found.append(LiveKey(sha256=hashed, owner=user.name, roles=roles, expires_at=ends))
            return found

    def revoke_key(self, key_id: str, now: datetime) -> None:
        """From now on the key opens nothing; revoking twice keeps the first time."""
        with self._database.write() as session:
            row = session.get(KeyTable, key_id)
            if row is None:
                raise NotFound(f"no key has the id {key_id!r}", hint="list the keys")
            row.revoked_at = row.revoked_at or now

    def authenticate_key(self, secret: bytes, now: datetime) -> Principal | None:
        """Who holds `secret`, or None where it is unknown, expired or revoked or its user is disabled."""
        hashed = hashlib.sha256(secret).hexdigest()
        with self._database.read() as session:
            row = session.get(KeyTable, _key_id(hashed))
            matches = hmac.compare_digest(row.secret_sha256 if row else "0" * 64, hashed)
            if row is None or not matches or not _is_live(_key(row), now):
                return None
            user = _user(_known_user(session, row.user))
            roles = _key(row).roles & user.roles
            return None if user.disabled_at or not roles else Principal(name=user.name, roles=roles, key_id=row.key_id)

    def authenticate_password(self, name: str, password: str) -> Principal | None:
        """Who signs in with `password`, or None; an unknown name takes as long as a wrong password."""
        with self._database.read() as session:
            row = session.get(UserTable, name)
            user, kept = (_user(row), row.password_hash) if row else (None, None)
        if user is None or kept is None:
            _HASHER.hash(password)
            return None
        if not _is_password(kept, password) or user.disabled_at:
            return None
        return Principal(name=user.name, roles=user.roles, key_id=None)


def _valid_user(name: str, roles: frozenset[Role], now: datetime) -> User:
    try:
        return User(name=name, roles=roles, created_at=now)
    except ValidationError as fault:
        raise UserError(
            f"{name!r} with the roles {sorted(roles)} cannot be a user",
            hint=f"a name is 1-80 of a-z, 0-9 and . _ @ -, and the roles are {', '.join(ROLES)}",
        ) from fault


def _is_password(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except VerifyMismatchError:
        return False


def _key_row(user: str, roles: frozenset[Role], now: datetime, secret: bytes, expires_at: datetime | None) -> KeyTable:
    hashed = hashlib.sha256(secret).hexdigest()
    return KeyTable(
        key_id=_key_id(hashed),
        user=user,
        secret_sha256=hashed,
        roles=[*sorted(roles)],
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
    )


def _key_id(hashed: str) -> str:
    return hashlib.sha256(f"key/{hashed}".encode()).hexdigest()[:16]


def _is_live(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _known_user(session: Session, name: str) -> UserTable:
    row = session.get(UserTable, name)
    if row is None:
        raise NotFound(f"no user is called {name!r}", hint="list the users")
    return row


def _user(row: UserTable) -> User:
    return User.model_validate({name: getattr(row, name) for name in User.model_fields})


def _key(row: KeyTable) -> ApiKey:
    return ApiKey.model_validate({name: getattr(row, name) for name in ApiKey.model_fields})
