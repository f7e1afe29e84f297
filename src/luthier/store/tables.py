"""The tables, and the laws that the database itself enforces, each under a name that can be searched."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from luthier.domain.value import Json
from luthier.store.columns import ExactDecimal, JsonText, Sequence64, UtcTime


class Table(DeclarativeBase):
    """The base of all tables; ids and times come from outside, so no column has a default."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcTime, Decimal: ExactDecimal, int: Sequence64, str: Text}


class ArtifactTable(Table):
    """What is kept under a SHA-256."""

    __tablename__ = "artifacts"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(80), index=True)
    media_type: Mapped[str] = mapped_column(String(200))
    size_bytes: Mapped[int]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="ck_artifacts_digest_is_sha256"),
        CheckConstraint("length(kind) > 0", name="ck_artifacts_kind_named"),
        CheckConstraint("size_bytes >= 0", name="ck_artifacts_size_not_negative"),
    )


class ParentTable(Table):
    """One edge of the lineage graph: `child` was made from `parent`."""

    __tablename__ = "artifact_parents"

    child: Mapped[str] = mapped_column(
        String(64), ForeignKey("artifacts.digest", ondelete="RESTRICT"), primary_key=True
    )
    parent: Mapped[str] = mapped_column(
        String(64), ForeignKey("artifacts.digest", ondelete="RESTRICT"), primary_key=True, index=True
    )

    __table_args__ = (CheckConstraint("child <> parent", name="ck_artifact_parents_not_itself"),)


class LinkTable(Table):
    """One result of one link of the chain of evidence; a re-run is a new row."""

    __tablename__ = "links"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    project: Mapped[str] = mapped_column(String(300))
    link: Mapped[str] = mapped_column(String(300))
    name: Mapped[str] = mapped_column(String(300))
    fingerprint: Mapped[str] = mapped_column(String(300))
    digest: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[Json] = mapped_column(JsonText, nullable=False)
    parents: Mapped[Json] = mapped_column(JsonText, nullable=False)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("state IN ('done', 'refused', 'waiting')", name="ck_links_state_known"),
        Index("ix_links_latest", "project", "link", "name", "seq"),
    )


class Chained:
    """The columns of a hash chain. `previous_hash` is unique, so a chain cannot fork."""

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-2)
    at: Mapped[datetime] = mapped_column(index=True, sort_order=-1)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditTable(Chained, Table):
    """Who did what, when."""

    __tablename__ = "audit"

    actor: Mapped[str] = mapped_column(String(300))
    action: Mapped[str] = mapped_column(String(300), index=True)
    subject: Mapped[str] = mapped_column(String(300), index=True)
    detail: Mapped[Json] = mapped_column(JsonText, nullable=False)

    __table_args__ = (
        CheckConstraint("seq >= 1", name="ck_audit_seq_positive"),
        CheckConstraint("length(hash) = 64", name="ck_audit_hash_is_sha256"),
        UniqueConstraint("previous_hash", name="uq_audit_no_fork"),
        UniqueConstraint("hash", name="uq_audit_hash"),
    )


class LedgerTable(Chained, Table):
    """What was spent, on what."""

    __tablename__ = "ledger"

    bucket: Mapped[str] = mapped_column(String(80), index=True)
    subject: Mapped[str] = mapped_column(String(300))
    quantity: Mapped[Decimal]
    unit: Mapped[str] = mapped_column(String(80))
    unit_price: Mapped[Decimal]
    amount: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(String(3))
    note: Mapped[Json] = mapped_column(JsonText, nullable=False)

    __table_args__ = (
        CheckConstraint("seq >= 1", name="ck_ledger_seq_positive"),
        CheckConstraint("length(hash) = 64", name="ck_ledger_hash_is_sha256"),
        CheckConstraint("length(bucket) > 0", name="ck_ledger_bucket_named"),
        CheckConstraint("length(currency) = 3", name="ck_ledger_currency_code"),
        UniqueConstraint("previous_hash", name="uq_ledger_no_fork"),
        UniqueConstraint("hash", name="uq_ledger_hash"),
    )


class InteractionTable(Table):
    """One request served."""

    __tablename__ = "interactions"

    id: Mapped[str] = mapped_column(String(300), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    user_key: Mapped[str] = mapped_column(String(300))
    release_id: Mapped[str] = mapped_column(String(300))
    variant_digest: Mapped[str] = mapped_column(String(64), index=True)
    arm: Mapped[str] = mapped_column(String(20))
    request: Mapped[Json] = mapped_column(JsonText, nullable=False)
    response_text: Mapped[Json] = mapped_column(JsonText, nullable=False)
    status_code: Mapped[int]
    latency_seconds: Mapped[float]
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cost: Mapped[Decimal]
    guards: Mapped[Json] = mapped_column(JsonText, nullable=False)
    error: Mapped[Json] = mapped_column(JsonText, nullable=False)

    __table_args__ = (
        CheckConstraint("arm IN ('stable', 'canary', 'fallback')", name="ck_interactions_arm_known"),
        CheckConstraint("latency_seconds >= 0", name="ck_interactions_latency_not_negative"),
        CheckConstraint("prompt_tokens >= 0 AND completion_tokens >= 0", name="ck_interactions_tokens_not_negative"),
        Index("ix_interactions_release", "release_id", "at"),
    )


class FeedbackTable(Table):
    """What was said of one interaction."""

    __tablename__ = "feedback"

    interaction_id: Mapped[str] = mapped_column(
        String(300), ForeignKey("interactions.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    value: Mapped[Json] = mapped_column(JsonText, nullable=False)

    __table_args__ = (
        CheckConstraint("kind IN ('thumb', 'score', 'edit', 'solved', 'escalation')", name="ck_feedback_kind_known"),
    )


class ReleaseTable(Table):
    """A release as it was made; what happens to it later are events."""

    __tablename__ = "releases"

    release_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    project: Mapped[str] = mapped_column(String(300))
    version: Mapped[int]
    variant: Mapped[str] = mapped_column(String(300))
    digest: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime]
    payload: Mapped[Json] = mapped_column(JsonText, nullable=False)

    __table_args__ = (
        CheckConstraint("version >= 1", name="ck_releases_version_positive"),
        UniqueConstraint("project", "version", name="uq_releases_version_once"),
        UniqueConstraint("release_id", "author", name="uq_releases_author"),
    )


class ApprovalTable(Table):
    """One decision on one release. The author stands beside it so that the database can refuse self-approval."""

    __tablename__ = "approvals"

    release_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    approver: Mapped[str] = mapped_column(String(300), primary_key=True)
    author: Mapped[str] = mapped_column(String(300))
    decision: Mapped[str] = mapped_column(String(20))
    reason: Mapped[Json] = mapped_column(JsonText, nullable=False)
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["release_id", "author"], ["releases.release_id", "releases.author"], name="fk_approvals_release_author"
        ),
        CheckConstraint("lower(approver) <> lower(author)", name="ck_approvals_not_by_author"),
        CheckConstraint("decision IN ('approve', 'reject')", name="ck_approvals_decision_known"),
        CheckConstraint("length(reason) > 2", name="ck_approvals_reason_given"),
    )


class EventTable(Table):
    """One event of one stream, in the order in which it was accepted."""

    __tablename__ = "events"

    stream: Mapped[str] = mapped_column(String(300), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(80))
    payload: Mapped[Json] = mapped_column(JsonText, nullable=False)
    at: Mapped[datetime]

    __table_args__ = (CheckConstraint("seq >= 1", name="ck_events_seq_positive"),)


class UserTable(Table):
    """A person or an application that may sign in."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    roles: Mapped[Json] = mapped_column(JsonText, nullable=False)
    password_hash: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("name = lower(name)", name="ck_users_name_lower_case"),)


class KeyTable(Table):
    """An API key, of which only the hash is kept."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    user: Mapped[str] = mapped_column(
        "user_name", String(80), ForeignKey("users.name", ondelete="RESTRICT"), index=True
    )
    secret_sha256: Mapped[str] = mapped_column(String(64))
    roles: Mapped[Json] = mapped_column(JsonText, nullable=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("length(secret_sha256) = 64", name="ck_api_keys_only_a_hash"),
        CheckConstraint("expires_at IS NULL OR expires_at > created_at", name="ck_api_keys_expire_later"),
        UniqueConstraint("secret_sha256", name="uq_api_keys_secret"),
    )


class LeaseTable(Table):
    """Who may do one named thing, until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    owner: Mapped[str] = mapped_column(String(300))
    machine: Mapped[str] = mapped_column(String(300))
    pid: Mapped[int]
    acquired_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("expires_at > acquired_at", name="ck_leases_expire_later"),)
