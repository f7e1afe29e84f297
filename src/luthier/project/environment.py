"""The only reader of the environment: where things are kept, and secrets by the name of their variable."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from luthier.errors import MissingInput

LOCATIONS = {
    "LUTHIER_HOME": ("store", "home"),
    "LUTHIER_DATABASE_URL": ("store", "database_url"),
    "LUTHIER_ARTIFACTS_URL": ("store", "artifacts_url"),
}
REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


@dataclass(frozen=True)
class Environment:
    """Variables as they were when the process asked; their values are never shown."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of_process(cls) -> "Environment":
        """The variables of this process, now."""
        return cls(dict(os.environ))

    def path(self, name: str) -> Path | None:
        """The path kept in the variable `name`, or None where it is unset or empty."""
        value = self.variables.get(name, "")
        return Path(value) if value else None

    def user(self) -> str:
        """Who works here, as the operating system has it; a name for the audit log, not a credential."""
        return self.variables.get("LOGNAME") or self.variables.get("USER") or "unknown"

    def secret(self, name: str) -> SecretStr:
        """The secret kept in the variable `name`; MissingInput when it is unset or empty."""
        value = self.variables.get(name, "")
        if not value:
            raise MissingInput(f"the environment variable {name!r} is not set", hint=f"export {name}=... and try again")
        return SecretStr(value)

    def filled(self, text: str) -> str:
        """The text with every `${NAME}` replaced; MissingInput names the first that is not set."""
        return REFERENCE.sub(lambda found: self.secret(found[1]).get_secret_value(), text)
