"""The whole of `luthier.yaml`: one section per stage, and where things are kept."""

from pathlib import Path

from pydantic import Field, SecretStr

from luthier.section import Section


class StoreConfig(Section):
    """Where this project's database and artifacts live."""

    home: Path = Field(default=Path(".luthier"), description="Folder of everything kept; from the project's folder.")
    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL, SQLite in `home` when absent; may hold `${NAME}` for a password."
    )
    artifacts_url: str | None = Field(
        default=None, min_length=1, description="fsspec URL of the artifacts, a folder in `home` when absent."
    )


class ProjectConfig(Section):
    """One narrow business problem, and everything that may be chosen about solving it."""

    project: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="Name: lower-case letters, digits and hyphens."
    )
    store: StoreConfig = Field(default=StoreConfig(), description="Database and artifacts.")
