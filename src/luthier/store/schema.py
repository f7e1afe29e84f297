"""Brings a database to the tables of this version, and refuses one that a newer version made."""

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from luthier.errors import UserError
from luthier.store.database import Database

NEWEST = "0002"


def migrate(database: Database) -> None:
    """Applies what is missing in one transaction; of several processes that open at once, one does it."""
    with database.read() as session:
        if _revision(session.connection()) == NEWEST:
            return
    with database.schema_change() as connection:
        found = _revision(connection)
        if found == NEWEST:
            return
        with as_file(files("luthier.store") / "migrations") as folder:
            config = Config()
            config.set_main_option("script_location", str(folder).replace("%", "%%"))
            if found is not None and found not in _known(config):
                raise UserError(
                    f"{database.where} was made by a newer luthier: its tables are at {found}, known is {NEWEST}",
                    hint="upgrade luthier, or open another database",
                )
            _upgrade(config, connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _upgrade(config: Config, connection: Connection) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, NEWEST)
