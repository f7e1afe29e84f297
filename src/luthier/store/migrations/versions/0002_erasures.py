"""Bytes that were erased on somebody's request, and what is left in their place."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table of erasures."""
    op.create_table(
        "erasures",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("replacement", sa.String(length=64), nullable=True),
        sa.Column("withdrawal", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("digest <> replacement", name="ck_erasures_not_itself"),
        sa.ForeignKeyConstraint(["digest"], ["artifacts.digest"], name=op.f("fk_erasures_digest"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["replacement"], ["artifacts.digest"], name=op.f("fk_erasures_replacement"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_erasures")),
    )
