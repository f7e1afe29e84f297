"""Tables come from migrations, agree with the code, and are never those of a newer version."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

import luthier.store
from luthier.errors import StorageFault, UserError
from luthier.store import Store, utc_now
from luthier.store.database import Database
from luthier.store.schema import NEWEST
from luthier.store.tables import Table


def laws(engine: Engine) -> dict[str, set[tuple[str | None, str]]]:
    found = inspect(engine)
    return {
        table: {(check["name"], check["sqltext"]) for check in found.get_check_constraints(table)}
        | {(unique["name"], str(unique["column_names"])) for unique in found.get_unique_constraints(table)}
        | {(key["name"], str(key["options"])) for key in found.get_foreign_keys(table)}
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def test_migrations_from_empty_give_the_tables_of_the_code(store: Store) -> None:
    with store._database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_migrations_from_empty_give_every_law_of_the_code(database_url: str, tmp_path: Path) -> None:
    with Store.open(database_url, str(tmp_path)) as store:
        migrated = laws(store._database.engine)
    database = Database(database_url)
    Table.metadata.drop_all(database.engine)
    Table.metadata.create_all(database.engine)
    created = laws(database.engine)
    database.close()
    assert migrated == created
    assert sum(map(len, created.values())) > 30


def test_every_law_has_a_name() -> None:
    unnamed = [rule for table in Table.metadata.tables.values() for rule in table.constraints if rule.name is None]
    assert unnamed == []


def test_the_newest_revision_is_the_head_of_the_packaged_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(luthier.store.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


def test_opening_again_changes_nothing(database_url: str, tmp_path: Path) -> None:
    with Store.open(database_url, str(tmp_path)) as store:
        entry = store.audit.append("ana", "look", "x", now=utc_now())
    with Store.open(database_url, str(tmp_path)) as store:
        assert store.audit.entries() == [entry]


def test_a_database_of_a_newer_version_is_refused(database_url: str, tmp_path: Path) -> None:
    with Store.open(database_url, str(tmp_path)) as store, store._database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="made by a newer luthier: its tables are at 9999"):
        Store.open(database_url, str(tmp_path))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@h/d", "nonsense"])
def test_a_database_that_would_not_last_is_refused_without_telling_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        Store.open(url, str(tmp_path))
    assert "secret" not in refused.value.message


def test_a_server_that_cannot_be_reached_is_a_storage_fault(tmp_path: Path) -> None:
    with pytest.raises(StorageFault, match="cannot be reached"):
        Store.open("postgresql://u:secret@127.0.0.1:1/d", str(tmp_path))


def test_a_file_that_is_no_database_is_a_storage_fault(tmp_path: Path) -> None:
    (tmp_path / "luthier.db").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(StorageFault, match="not an SQLite database"):
        Store.open(f"sqlite:///{tmp_path}/luthier.db", str(tmp_path))


def test_sqlite_is_durable_and_keeps_its_laws(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/luthier.db", str(tmp_path)) as store, store._database.read() as session:
        told = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}
        assert told == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert session.execute(text("PRAGMA busy_timeout")).scalar() == 30_000


def test_a_read_only_database_is_one_clear_error(tmp_path: Path) -> None:
    place = tmp_path / "luthier.db"
    with Store.open(f"sqlite:///{place}", str(tmp_path)) as store:
        store.audit.append("ana", "look", "x", now=utc_now())
    sealed = f"sqlite:///file:{place}?mode=ro&uri=true"
    with Store.open(sealed, str(tmp_path)) as store:
        assert len(store.audit.entries()) == 1
        with pytest.raises(StorageFault, match="read-only"):
            store.audit.append("ana", "write", "x", now=utc_now())


def test_the_database_itself_refuses_what_the_code_would_not_write(store: Store) -> None:
    broken = [
        "INSERT INTO artifacts VALUES ('short', 'k', 'm', 0, '2026-01-01')",
        f"INSERT INTO artifact_parents VALUES ('{'a' * 64}', '{'b' * 64}')",
        "INSERT INTO events VALUES ('s', 0, 'k', 'null', '2026-01-01')",
        "INSERT INTO users VALUES ('Ana', '[]', NULL, '2026-01-01', NULL)",
        "INSERT INTO leases VALUES ('l', 'o', 'm', 1, '2026-01-02', '2026-01-01')",
        "INSERT INTO approvals VALUES ('r', 'ANA', 'ana', 'approve', '\"why\"', '2026-01-01')",
        "INSERT INTO feedback VALUES ('nobody', 'thumb', '2026-01-01', '1')",
    ]
    for statement in broken:
        with pytest.raises(IntegrityError), store._database.write() as session:
            session.execute(text(statement))
