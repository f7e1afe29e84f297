"""One worker: its ports over a snapshot and two logs. It knows no database, no stage, and no other worker."""

import asyncio
import hmac
import logging
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b, sha256
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from luthier.domain.calls import ToolSpec
from luthier.domain.interactions import Feedback, Interaction
from luthier.domain.money import TokenPrice
from luthier.domain.routes import RouteTable
from luthier.domain.variants import RetrievalRef, Variant
from luthier.gateway.app import Gateway
from luthier.gateway.guards.personal import Clear, Vault, clearing
from luthier.gateway.process import listen, listening_socket
from luthier.gateway.snapshot import KnownKey, Snapshot, read_snapshot
from luthier.gateway.spool import Spool
from luthier.variants.retrieval.documents import Passage
from luthier.variants.retrieval.index import Index

log = logging.getLogger("luthier.gateway")
LOOK_SECONDS = 0.02
KEEP_SPENT_SECONDS = 1.0
MOST_KNOWN_TEXTS = 10_000
_ID = re.compile(r"^(?:chatcmpl-|resp_)([0-9a-f]{24})([0-9a-f]{16})$")
SecretOf = Callable[[str], bytes | None]
_FREE = TokenPrice()


class Secrets(BaseModel):
    """What no file may hold; it comes through the standard input of the process."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend_keys: Mapping[str, SecretStr] = {}
    pii_key: SecretStr | None = None


@dataclass
class Keys:
    """Keys that may call, and texts of them that were seen."""

    known: Mapping[str, KnownKey]
    secret_of: SecretOf
    seen: dict[str, KnownKey] = field(default_factory=dict)

    def owner(self, text: str, now: datetime) -> str | None:
        """Whose key it is, or None where it opens nothing."""
        key = self.seen.get(text)
        if key is None:
            secret = self.secret_of(text)
            key = self.known.get(sha256(secret).hexdigest()) if secret else None
            if key is None:
                return None
            if len(self.seen) >= MOST_KNOWN_TEXTS:
                self.seen.clear()
            self.seen[text] = key
        return key.owner if key.expires_at is None or now < key.expires_at else None


class WorkerPorts:
    """The control plane as the last snapshot told it."""

    def __init__(
        self, snapshot: Snapshot, spool: Path, secrets: Secrets, *, clock: Callable[[], datetime], secret_of: SecretOf
    ) -> None:
        self._secrets, self._clock, self._secret_of = secrets, clock, secret_of
        config = snapshot.config
        self._interactions = Spool(spool / "interactions", most_bytes=config.spool_max_bytes)
        self._feedback = Spool(spool / "feedback", most_bytes=config.spool_max_bytes)
        self._code_key = sha256(f"response ids\x00{snapshot.salt}".encode()).digest()
        self._indexes: dict[str, Index] = {}
        self.take_over(snapshot)

    def take_over(self, snapshot: Snapshot) -> None:
        """Go by a newer snapshot from now on; knowledge bases are read when the process starts."""
        self._snapshot = snapshot
        self._keys = Keys({key.sha256: key for key in snapshot.keys}, self._secret_of)
        self._clear = self._clearing(snapshot)
        for name, kb in snapshot.knowledge.items():
            if name not in self._indexes:
                self._indexes[name] = Index.of_folder(kb.folder, kb.config)
        log.info("routes version %d", snapshot.table.version, extra={"release": snapshot.table.stable.release_id})

    def close(self) -> None:
        """Flush the logs."""
        self._interactions.close()
        self._feedback.close()

    def model_name(self) -> str:
        """The project's name."""
        return self._snapshot.project

    def routes(self) -> RouteTable:
        """The table of the snapshot."""
        return self._snapshot.table

    def authenticate(self, secret: str) -> str | None:
        """The name behind a key."""
        return self._keys.owner(secret, self._clock())

    def retrieve(self, retrieval: RetrievalRef, text: str) -> Sequence[Passage]:
        """The passages of the knowledge base as it was when the process started."""
        return self._indexes[retrieval.kb].search(text, retrieval.top_k)

    def cleared(self, text: str) -> str:
        """`text` after the treatment of personal data that the training rows had, names and places apart."""
        return self._clear(text)

    def vault(self) -> Vault | None:
        """A vault for one conversation; None where the training rows kept their personal data."""
        return None if self._snapshot.pii_action is None else Vault(self._snapshot.pii_alone)

    def tools(self) -> Sequence[ToolSpec]:
        """The project's tools."""
        return self._snapshot.tools

    def price(self, variant: Variant, digest: str) -> TokenPrice:  # noqa: ARG002  a port; prices go by digest here
        """What the variant's model charges."""
        return self._snapshot.prices.get(digest, _FREE)

    def record(self, interaction: Interaction) -> None:
        """Return once the kernel holds the interaction."""
        self._interactions.append(interaction.model_dump_json().encode())

    def record_feedback(self, feedback: Feedback) -> bool:
        """Return once the kernel holds the feedback; False for an id that no worker of this project gave out."""
        if not self._is_ours(feedback.interaction_id):
            return False
        self._feedback.append(feedback.model_dump_json().encode())
        return True

    def upstream_key(self, engine: str) -> str | None:
        """The credential of a back end."""
        key = self._secrets.backend_keys.get(engine)
        return key.get_secret_value() if key else None

    def now(self) -> datetime:
        """The time on the project's clock."""
        return self._clock()

    def new_id(self) -> str:
        """96 random bits in hex, and a code that proves where they come from."""
        drawn = os.urandom(12)
        return drawn.hex() + self._code(drawn)

    def _is_ours(self, interaction_id: str) -> bool:
        found = _ID.match(interaction_id)
        return found is not None and hmac.compare_digest(self._code(bytes.fromhex(found[1])), found[2])

    def _code(self, drawn: bytes) -> str:
        return blake2b(drawn, key=self._code_key, digest_size=8).hexdigest()

    def _clearing(self, snapshot: Snapshot) -> Clear:
        if snapshot.pii_action is None:
            return str
        key = self._secrets.pii_key
        told = key.get_secret_value() if key else None
        return clearing(snapshot.pii_action, snapshot.salt, told, alone=snapshot.pii_alone)


@dataclass(frozen=True)
class Place:
    """Where one worker finds its files and its port."""

    home: Path
    host: str
    port: int
    number: int = 0

    @property
    def snapshot(self) -> Path:
        """What it reads."""
        return self.home / "snapshot.json"

    @property
    def spool(self) -> Path:
        """What it writes."""
        return self.home / "spool"

    @property
    def spent(self) -> Path:
        """What each key used today, so that a restart does not give it back."""
        return self.home / f"spent-{self.number}.json"


async def run(app: Gateway, ports: WorkerPorts, place: Place, stop: asyncio.Event) -> None:
    """Answer until `stop`, going over to each newer snapshot."""
    config = read_snapshot(place.snapshot).config
    sock = listening_socket(place.host, place.port, shared=config.workers > 1)
    _take_over_spent(app, place)
    watching = asyncio.create_task(_watch(ports, place))
    counting = asyncio.create_task(_keep_spent(app, place))
    try:
        await listen(app, config, sock, stop, begun=lambda: log.info("listening"))
    finally:
        watching.cancel()
        counting.cancel()
        _write_spent(app, place)
        ports.close()


async def _watch(ports: WorkerPorts, place: Place) -> None:
    seen = place.snapshot.stat().st_mtime_ns
    ports.take_over(read_snapshot(place.snapshot))
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            now = place.snapshot.stat().st_mtime_ns
            if now != seen:
                ports.take_over(read_snapshot(place.snapshot))
                seen = now
        except (OSError, ValidationError) as fault:  # what was known goes on
            log.warning("the snapshot cannot be read", extra={"fault": type(fault).__name__})
            await asyncio.sleep(1)


async def _keep_spent(app: Gateway, place: Place) -> None:
    while True:
        await asyncio.sleep(KEEP_SPENT_SECONDS)
        _write_spent(app, place)


def _write_spent(app: Gateway, place: Place) -> None:
    spent = app.accounts.spent()
    if spent:
        fresh = place.spent.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(spent))
        fresh.replace(place.spent)


def _take_over_spent(app: Gateway, place: Place) -> None:
    if place.spent.exists():
        app.accounts.take_over(orjson.loads(place.spent.read_bytes()), time.monotonic())
