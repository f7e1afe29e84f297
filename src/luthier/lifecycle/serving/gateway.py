"""The gateway process: its ports over the store, and a watcher that brings new routes within a tenth of a second."""

import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from luthier.domain.calls import ToolSpec
from luthier.domain.interactions import Feedback, Interaction
from luthier.domain.routes import Route, RouteTable
from luthier.domain.variants import RetrievalRef
from luthier.errors import EngineFault, NotFound, Refused
from luthier.gateway.app import create_app
from luthier.lifecycle.answering import adapter_folder
from luthier.lifecycle.knowledge import open_indexes
from luthier.lifecycle.routes import current_table
from luthier.lifecycle.salt import pii_key, project_salt
from luthier.lifecycle.serving.recorder import Recorder
from luthier.lifecycle.workspace import Workspace
from luthier.store import FeedbackRow, key_secret
from luthier.text.pii import take_out
from luthier.variants.retrieval.documents import Passage
from luthier.variants.retrieval.index import Index

log = logging.getLogger("luthier.gateway")
LOOK_EVERY_SECONDS = 0.05
KEY_MEMORY_SECONDS = 1.0
MAY_CALL = frozenset({"application", "engineer", "admin"})


class StorePorts:
    """The control plane as this process last saw it; a route is taken over once its adapter is loaded."""

    def __init__(self, work: Workspace, backends: Mapping[str, str], keys: Mapping[str, SecretStr]) -> None:
        self._work = work
        self._backends = dict(backends)
        self._keys = dict(keys)
        self._table: RouteTable | None = None
        self._known: dict[str, tuple[float, str | None]] = {}
        self._salt = project_salt(work)
        self._pii_key = pii_key(work)
        self._recorder = Recorder(work.store.interactions.add_many)

    @cached_property
    def indexes(self) -> Mapping[str, Index]:
        """Every knowledge base as its documents are now: facts move by re-indexing, not by releasing."""
        return open_indexes(self._work)

    def look(self) -> None:
        """Take over the newest route table, if there is a newer one and its adapters are loaded."""
        seen = self._table.version if self._table else 0
        newest = current_table(self._work, after=seen)
        if newest is None:
            return
        for route in (newest.stable, newest.canary, newest.fallback):
            if route is not None:
                self._load(route)
        self._table = newest.model_copy(update={"backends": self._backends})
        log.info("routes version %d: stable %s", newest.version, newest.stable.release_id)

    def model_name(self) -> str:
        """The project's name."""
        return self._work.project

    def routes(self) -> RouteTable:
        """The table last taken over."""
        if self._table is None:
            raise Refused("nothing is released yet", hint="run `luthier run` up to the first release")
        return self._table

    def authenticate(self, secret: str) -> str | None:
        """The name behind a key, remembered for a second."""
        now = time.monotonic()
        at, name = self._known.get(secret, (0.0, None))
        if now - at > KEY_MEMORY_SECONDS:
            name = self._authenticated(secret)
            self._known = {kept: entry for kept, entry in self._known.items() if now - entry[0] <= KEY_MEMORY_SECONDS}
            self._known[secret] = (now, name)
        return name

    def retrieve(self, retrieval: RetrievalRef, text: str) -> Sequence[Passage]:
        """The passages of the knowledge base as it is now."""
        return self.indexes[retrieval.kb].search(text, retrieval.top_k)

    def cleared(self, text: str) -> str:
        """`text` after the treatment of personal data that the training rows had, names and places apart."""
        pii = self._work.config.data.pii
        if pii.action == "off":
            return text
        return take_out(text, pii.action, self._salt, key=self._pii_key, alone=pii.alone).text

    def tools(self) -> Sequence[ToolSpec]:
        """The project's tools."""
        return self._work.tools

    async def record(self, interaction: Interaction) -> None:
        """Return once the interaction is committed."""
        await self._recorder.record(interaction)

    async def record_feedback(self, feedback: Feedback) -> bool:
        """Return once the feedback is committed; False for an id that was never served."""
        row = FeedbackRow.model_validate(feedback.model_dump())
        try:
            self._work.store.interactions.add_feedback(row)
        except NotFound:
            return False
        return True

    def upstream_key(self, engine: str) -> str | None:
        """The credential of a back end."""
        key = self._keys.get(engine)
        return key.get_secret_value() if key else None

    def now(self) -> datetime:
        """The time on the project's clock."""
        return self._work.clock()

    def new_id(self) -> str:
        """128 random bits in hex."""
        return secrets.token_hex(16)

    def _authenticated(self, secret: str) -> str | None:
        raw = key_secret(secret)
        principal = self._work.store.identity.authenticate_key(raw, self._work.clock()) if raw else None
        return principal.name if principal and principal.roles & MAY_CALL else None

    def _load(self, route: Route) -> None:
        """Have the back end load the route's adapter, where it serves adapters and has not got it."""
        adapter, base_url = route.variant.adapter, self._backends.get(route.variant.model.engine)
        if adapter is None or base_url is None or route.variant.model.engine != "local":
            return
        key = self.upstream_key("local")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        body = {"lora_name": route.model, "lora_path": str(adapter_folder(self._work, adapter).resolve())}
        with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
            known = client.get("/models").raise_for_status().json()["data"]
            if route.model not in {model["id"] for model in known}:
                client.post("/load_lora_adapter", json=body).raise_for_status()


def build(work: Workspace, backends: Mapping[str, str], keys: Mapping[str, SecretStr]) -> tuple[Starlette, StorePorts]:
    """The gateway's app over the project's store, with its routes taken over once."""
    ports = StorePorts(work, backends, keys)
    ports.look()
    if ports.indexes:
        log.info("knowledge bases: %s", ", ".join(ports.indexes))
    return create_app(ports, work.config.gateway), ports


def serve(work: Workspace, backends: Mapping[str, str], keys: Mapping[str, SecretStr], *, port: int | None) -> None:
    """Listen until told to stop; new routes are looked for all the while."""
    app, ports = build(work, backends, keys)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(ports, stop), name="routes", daemon=True)
    watcher.start()
    config = work.config.gateway
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=config.host, port=config.port if port is None else port, log_level="warning", ws="none"
        )
    )
    try:
        server.run()
    finally:
        stop.set()
        watcher.join(5)


def _watch(ports: StorePorts, stop: threading.Event) -> None:
    while not stop.wait(LOOK_EVERY_SECONDS):
        try:
            ports.look()
        except (httpx.HTTPError, EngineFault) as fault:  # the old routes go on; the next look tries again
            log.warning("new routes wait for their back end: %s", type(fault).__name__)
            stop.wait(1)
