"""The table of erasures: which bytes are gone by whose withdrawal."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from luthier.store.tables import Table


class ErasureTable(Table):
    """Bytes that are gone because a person asked for it, and what is read in their place."""

    __tablename__ = "erasures"

    digest: Mapped[str] = mapped_column(
        String(64), ForeignKey("artifacts.digest", ondelete="RESTRICT"), primary_key=True
    )
    replacement: Mapped[str | None] = mapped_column(String(64), ForeignKey("artifacts.digest", ondelete="RESTRICT"))
    withdrawal: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime]

    __table_args__ = (CheckConstraint("digest <> replacement", name="ck_erasures_not_itself"),)
