"""Runs migrations on the connection, and in the transaction, that the store hands over."""

from alembic import context

from luthier.store.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
with context.begin_transaction():
    context.run_migrations()
