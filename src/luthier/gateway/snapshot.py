"""All that a worker knows of the world, as one value in one file."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import Field

from luthier.domain.calls import ToolSpec
from luthier.domain.money import TokenPrice
from luthier.domain.routes import RouteTable
from luthier.domain.value import Value
from luthier.gateway.config import GatewayConfig
from luthier.text.pii import Action
from luthier.variants.config import RetrievalConfig


class KnownKey(Value):
    """A key that may call applications' routes: what recognises it, and whose it is."""

    sha256: str = Field(min_length=64, max_length=64)
    owner: str
    expires_at: datetime | None = None


class KnowledgeBase(Value):
    """A knowledge base and where its documents lie."""

    folder: Path
    config: RetrievalConfig


class Snapshot(Value):
    """The control plane as a worker sees it; a newer `revision` replaces it whole."""

    revision: int = Field(ge=0)
    project: str
    config: GatewayConfig
    table: RouteTable
    keys: Sequence[KnownKey]
    tools: Sequence[ToolSpec] = ()
    salt: str = Field(min_length=32, repr=False, description="The project's; the file is for its owner's eyes only.")
    pii_action: Action | None = Field(default=None, description="None leaves personal data in.")
    pii_alone: Sequence[str] = Field(
        default=(), description="Entities taken out without a word that says what they are."
    )
    knowledge: Mapping[str, KnowledgeBase] = {}
    prices: Mapping[str, TokenPrice] = Field(default={}, description="Variant digest -> price per million tokens.")


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """The file holds the snapshot whole, or what it held before; nobody else may read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(snapshot.model_dump_json(), encoding="utf-8")
    fresh.replace(path)


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in the file."""
    return Snapshot.model_validate_json(path.read_bytes())
