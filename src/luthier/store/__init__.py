"""Everything that is kept: artifacts, links, audit log, ledger, interactions, releases, events, identity, leases."""

from luthier.store.artifacts import FOLDER_MEDIA_TYPE, ArtifactInfo, Artifacts, Edge, Erasure, Lineage
from luthier.store.audit import AuditEntry, AuditLog
from luthier.store.chain import ChainCheck, ChainHead
from luthier.store.clock import utc_now
from luthier.store.events import Event, Events
from luthier.store.identity import ROLES, ApiKey, Identity, LiveKey, Principal, Role, User, key_secret, key_text
from luthier.store.interactions import FeedbackRow, InteractionRow, Interactions
from luthier.store.leases import Lease, Leases, Owner
from luthier.store.ledger import Ledger, LedgerEntry
from luthier.store.links import LinkRow, Links, LinkState
from luthier.store.paths import safe_join
from luthier.store.releases import ApprovalRow, ReleaseRow, Releases
from luthier.store.row import Row
from luthier.store.store import Store

__all__ = [
    "FOLDER_MEDIA_TYPE",
    "ROLES",
    "ApiKey",
    "ApprovalRow",
    "ArtifactInfo",
    "Artifacts",
    "AuditEntry",
    "AuditLog",
    "ChainCheck",
    "ChainHead",
    "Edge",
    "Erasure",
    "Event",
    "Events",
    "FeedbackRow",
    "Identity",
    "InteractionRow",
    "Interactions",
    "Lease",
    "Leases",
    "Ledger",
    "LedgerEntry",
    "Lineage",
    "LinkRow",
    "LinkState",
    "Links",
    "LiveKey",
    "Owner",
    "Principal",
    "ReleaseRow",
    "Releases",
    "Role",
    "Row",
    "Store",
    "User",
    "key_secret",
    "key_text",
    "safe_join",
    "utc_now",
]
