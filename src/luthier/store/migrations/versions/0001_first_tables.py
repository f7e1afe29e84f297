"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """The first tables."""
    op.create_table(
        "artifacts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("media_type", sa.String(length=200), nullable=False),
        sa.Column("size_bytes", _NUMBER, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name="ck_artifacts_digest_is_sha256"),
        sa.CheckConstraint("length(kind) > 0", name="ck_artifacts_kind_named"),
        sa.CheckConstraint("size_bytes >= 0", name="ck_artifacts_size_not_negative"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_artifacts")),
    )
    op.create_index(op.f("ix_artifacts_kind"), "artifacts", ["kind"], unique=False)
    op.create_table(
        "audit",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=300), nullable=False),
        sa.Column("action", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("length(hash) = 64", name="ck_audit_hash_is_sha256"),
        sa.CheckConstraint("seq >= 1", name="ck_audit_seq_positive"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name="uq_audit_hash"),
        sa.UniqueConstraint("previous_hash", name="uq_audit_no_fork"),
    )
    op.create_index(op.f("ix_audit_action"), "audit", ["action"], unique=False)
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)
    op.create_table(
        "events",
        sa.Column("stream", sa.String(length=300), nullable=False),
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 1", name="ck_events_seq_positive"),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_events")),
    )
    op.create_table(
        "interactions",
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_key", sa.String(length=300), nullable=False),
        sa.Column("release_id", sa.String(length=300), nullable=False),
        sa.Column("variant_digest", sa.String(length=64), nullable=False),
        sa.Column("arm", sa.String(length=20), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("response_text", sa.Text(), nullable=False),
        sa.Column("status_code", _NUMBER, nullable=False),
        sa.Column("latency_seconds", sa.Double(), nullable=False),
        sa.Column("prompt_tokens", _NUMBER, nullable=False),
        sa.Column("completion_tokens", _NUMBER, nullable=False),
        sa.Column("cost", sa.Text(), nullable=False),
        sa.Column("guards", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint("arm IN ('stable', 'canary', 'fallback')", name="ck_interactions_arm_known"),
        sa.CheckConstraint("latency_seconds >= 0", name="ck_interactions_latency_not_negative"),
        sa.CheckConstraint("prompt_tokens >= 0 AND completion_tokens >= 0", name="ck_interactions_tokens_not_negative"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interactions")),
    )
    op.create_index(op.f("ix_interactions_at"), "interactions", ["at"], unique=False)
    op.create_index("ix_interactions_release", "interactions", ["release_id", "at"], unique=False)
    op.create_index(op.f("ix_interactions_variant_digest"), "interactions", ["variant_digest"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("owner", sa.String(length=300), nullable=False),
        sa.Column("machine", sa.String(length=300), nullable=False),
        sa.Column("pid", _NUMBER, nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("expires_at > acquired_at", name="ck_leases_expire_later"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "ledger",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bucket", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(length=80), nullable=False),
        sa.Column("unit_price", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("length(bucket) > 0", name="ck_ledger_bucket_named"),
        sa.CheckConstraint("length(currency) = 3", name="ck_ledger_currency_code"),
        sa.CheckConstraint("length(hash) = 64", name="ck_ledger_hash_is_sha256"),
        sa.CheckConstraint("seq >= 1", name="ck_ledger_seq_positive"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
        sa.UniqueConstraint("hash", name="uq_ledger_hash"),
        sa.UniqueConstraint("previous_hash", name="uq_ledger_no_fork"),
    )
    op.create_index(op.f("ix_ledger_at"), "ledger", ["at"], unique=False)
    op.create_index(op.f("ix_ledger_bucket"), "ledger", ["bucket"], unique=False)
    op.create_table(
        "links",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("project", sa.String(length=300), nullable=False),
        sa.Column("link", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("fingerprint", sa.String(length=300), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('done', 'refused', 'waiting')", name="ck_links_state_known"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_links")),
    )
    op.create_index("ix_links_latest", "links", ["project", "link", "name", "seq"], unique=False)
    op.create_table(
        "releases",
        sa.Column("release_id", sa.String(length=300), nullable=False),
        sa.Column("project", sa.String(length=300), nullable=False),
        sa.Column("version", _NUMBER, nullable=False),
        sa.Column("variant", sa.String(length=300), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.CheckConstraint("version >= 1", name="ck_releases_version_positive"),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_releases")),
        sa.UniqueConstraint("project", "version", name="uq_releases_version_once"),
        sa.UniqueConstraint("release_id", "author", name="uq_releases_author"),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("name = lower(name)", name="ck_users_name_lower_case"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expires_at IS NULL OR expires_at > created_at", name="ck_api_keys_expire_later"),
        sa.CheckConstraint("length(secret_sha256) = 64", name="ck_api_keys_only_a_hash"),
        sa.ForeignKeyConstraint(["user_name"], ["users.name"], name=op.f("fk_api_keys_user_name"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("secret_sha256", name="uq_api_keys_secret"),
    )
    op.create_index(op.f("ix_api_keys_user_name"), "api_keys", ["user_name"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("release_id", sa.String(length=300), nullable=False),
        sa.Column("approver", sa.String(length=300), nullable=False),
        sa.Column("author", sa.String(length=300), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('approve', 'reject')", name="ck_approvals_decision_known"),
        sa.CheckConstraint("length(reason) > 2", name="ck_approvals_reason_given"),
        sa.CheckConstraint("lower(approver) <> lower(author)", name="ck_approvals_not_by_author"),
        sa.ForeignKeyConstraint(
            ["release_id", "author"], ["releases.release_id", "releases.author"], name="fk_approvals_release_author"
        ),
        sa.PrimaryKeyConstraint("release_id", "approver", name=op.f("pk_approvals")),
    )
    op.create_table(
        "artifact_parents",
        sa.Column("child", sa.String(length=64), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=False),
        sa.CheckConstraint("child <> parent", name="ck_artifact_parents_not_itself"),
        sa.ForeignKeyConstraint(
            ["child"], ["artifacts.digest"], name=op.f("fk_artifact_parents_child"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["parent"], ["artifacts.digest"], name=op.f("fk_artifact_parents_parent"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("child", "parent", name=op.f("pk_artifact_parents")),
    )
    op.create_index(op.f("ix_artifact_parents_parent"), "artifact_parents", ["parent"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("interaction_id", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('thumb', 'score', 'edit', 'solved', 'escalation')", name="ck_feedback_kind_known"),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interactions.id"], name=op.f("fk_feedback_interaction_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("interaction_id", "kind", "at", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_at"), "feedback", ["at"], unique=False)
