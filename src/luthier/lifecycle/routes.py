"""The route table as the store keeps it: what every gateway reads, and nothing of how it comes about."""

from luthier.domain.routes import RouteTable
from luthier.domain.value import Json
from luthier.domain.variants import Variant
from luthier.lifecycle.workspace import Workspace

STREAM = "routes"
BASE_MODEL = "base"


def current_table(work: Workspace, *, after: int = 0) -> RouteTable | None:
    """The newest route table, or None where none came after version `after`."""
    kept = work.store.events.read(STREAM, after=after)
    return RouteTable.model_validate(kept[-1].payload) if kept else None


def put_table(work: Workspace, table: RouteTable) -> RouteTable:
    """The table under the next version, durable and seen by every gateway at its next look."""
    newest = table.model_copy(update={"version": table.version + 1})
    share = f"{newest.canary.release_id} at {newest.canary_percent:g}%" if newest.canary else "none"
    detail: dict[str, Json] = {"stable": newest.stable.release_id, "canary": share, "switch": newest.switch}
    with work.store.together():
        work.store.events.append(STREAM, table.version, "table", newest.model_dump(mode="json"), work.clock())
        work.store.audit.append(work.actor, "routes.change", f"version {newest.version}", detail, now=work.clock())
    return newest


def model_name(variant: Variant) -> str:
    """What a back end calls a variant's model: the base, or the adapter by the start of its digest."""
    return variant.adapter[:16] if variant.adapter else BASE_MODEL
