"""Alembic's environment; versions are applied by `luthier.store.schema` when a store opens."""
