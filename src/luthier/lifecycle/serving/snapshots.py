"""The control plane written down for workers: routes whose adapters are loaded, keys, and the project file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from luthier.domain.money import TokenPrice
from luthier.domain.routes import Route, RouteTable
from luthier.errors import Refused
from luthier.gateway.snapshot import KnowledgeBase, KnownKey, Snapshot
from luthier.lifecycle.answering import adapter_folder
from luthier.lifecycle.routes import current_table
from luthier.lifecycle.salt import project_salt
from luthier.lifecycle.workspace import Workspace
from luthier.variants.config import RetrievalConfig

MAY_CALL = frozenset({"application", "engineer", "admin"})


@dataclass
class Scribe:
    """Makes snapshots of one project; a route is written down once its adapter is loaded."""

    work: Workspace
    backends: Mapping[str, str]
    keys: Mapping[str, SecretStr]
    table: RouteTable | None = None
    known: list[KnownKey] = field(default_factory=list)

    def look_at_routes(self) -> bool:
        """Whether there is a newer table, which is taken over once its adapters are loaded."""
        newest = current_table(self.work, after=self.table.version if self.table else 0)
        if newest is None:
            return False
        for route in (newest.stable, newest.canary, newest.fallback):
            if route is not None:
                self._load(route)
        self.table = newest.model_copy(update={"backends": dict(self.backends)})
        return True

    def look_at_keys(self) -> bool:
        """Whether other keys open something than before."""
        live = self.work.store.identity.live_keys(self.work.clock())
        known = [
            KnownKey(sha256=key.sha256, owner=key.owner, expires_at=key.expires_at)
            for key in live
            if key.roles & MAY_CALL
        ]
        if known == self.known:
            return False
        self.known = known
        return True

    def snapshot(self, revision: int) -> Snapshot:
        """Everything as it was last seen; Refused while nothing is released."""
        work, config = self.work, self.work.config
        if self.table is None:
            raise Refused("nothing is released yet", hint="run `luthier run` up to the first release")
        check_encoders(config.retrieval)
        action = config.data.pii.action
        return Snapshot(
            revision=revision,
            project=work.project,
            config=config.gateway,
            table=self.table,
            keys=self.known,
            tools=work.tools,
            salt=project_salt(work),
            pii_action=None if action == "off" else action,
            pii_alone=config.data.pii.alone,
            knowledge={
                name: KnowledgeBase(folder=work.file(section.documents).resolve(), config=section)
                for name, section in config.retrieval.items()
            },
            prices=self._prices(self.table),
        )

    def _prices(self, table: RouteTable) -> dict[str, TokenPrice]:
        models = {(model.engine, model.id): model.price for model in self.work.config.models.values()}
        routes = [route for route in (table.stable, table.canary, table.fallback) if route is not None]
        found = {
            route.variant.digest: models.get((route.variant.model.engine, route.variant.model.id)) for route in routes
        }
        return {digest: price for digest, price in found.items() if price is not None}

    def _load(self, route: Route) -> None:
        """Have the back end load the route's adapter, where it serves adapters and has not got it."""
        adapter, base_url = route.variant.adapter, self.backends.get(route.variant.model.engine)
        if adapter is None or base_url is None or route.variant.model.engine != "local":
            return
        key = self.keys.get("local")
        headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        body = {"lora_name": route.model, "lora_path": str(adapter_folder(self.work, adapter).resolve())}
        with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
            served = client.get("/models").raise_for_status().json()["data"]
            if route.model not in {model["id"] for model in served}:
                client.post("/load_lora_adapter", json=body).raise_for_status()


def check_encoders(retrieval: Mapping[str, RetrievalConfig]) -> None:
    """Refused where questions need an encoder: a worker loads none, and other vectors would find other passages."""
    encoded = [name for name, kb in retrieval.items() if kb.search != "words" and kb.embeddings.engine != "bundled"]
    if encoded:
        raise Refused(
            f"the gateway cannot search {', '.join(sorted(encoded))}: it has no vectors but the package's own",
            hint="leave `embeddings` out, or say `search: words`, and measure again",
        )
