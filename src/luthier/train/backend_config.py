"""Where a run computes: `train.backend` of the project file."""

from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from luthier.section import Section


class TeamBackend(Section):
    """Several processes that train one model together."""

    workers: int = Field(default=2, ge=1, le=4096, description="Processes, one accelerator each where there are any.")
    is_sharded: bool = Field(
        default=False,
        description="Each process holds a share of the frozen weights and gathers a layer at a time (FSDP2): slower, "
        "and for models that do not fit one device.",
    )


class LocalBackend(Section):
    """The process of the command, on its CPU or its one accelerator."""

    kind: Literal["local"] = "local"


class TorchrunBackend(TeamBackend):
    """Several processes of one machine, started by torchrun."""

    kind: Literal["torchrun"]


class RayBackend(TeamBackend):
    """Workers on the machines of a Ray cluster, by Ray Train; all of them see the project's folder."""

    kind: Literal["ray"]
    address: str | None = Field(default=None, min_length=1, description="Of the cluster; None starts one here.")


class HostedBackend(Section):
    """A provider that tunes behind OpenAI's fine-tuning API."""

    kind: Literal["hosted"]
    base_url: str = Field(description="Where the API listens, ending in `/v1`.")
    key_env: str | None = Field(
        default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Environment variable that holds the key."
    )
    model: str = Field(min_length=1, description="The provider's name of the base model.")
    batch_size: int | Literal["auto"] = Field(default="auto", description="Rows per step; `auto` lets it choose.")
    learning_rate_multiplier: float | Literal["auto"] = Field(
        default="auto", description="Of the provider's own step size."
    )
    suffix: str | None = Field(default=None, min_length=1, max_length=64, description="Part of the new model's name.")
    price_per_million_tokens: Decimal = Field(
        default=Decimal(0), ge=0, description="Of trained tokens, in the project's currency; entered in the ledger."
    )
    poll_seconds: float = Field(default=20.0, gt=0, le=3600, description="Between two looks at a running job.")
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600, description="Of one request.")
    deletes_files: bool = Field(default=True, description="Whether uploaded rows are deleted once the job has ended.")

    @field_validator("base_url")
    @classmethod
    def _plain_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("`base_url` must be an http or https address, such as https://api.openai.com/v1")
        if parts.username or parts.password:
            raise ValueError("`base_url` must hold no credentials; name their variable in `key_env`")
        return url.rstrip("/")

    @field_validator("batch_size", "learning_rate_multiplier")
    @classmethod
    def _above_nought(cls, value: float | str) -> float | str:
        if not isinstance(value, str) and value <= 0:
            raise ValueError("must be above 0, or auto")
        return value


BackendConfig = Annotated[LocalBackend | TorchrunBackend | RayBackend | HostedBackend, Field(discriminator="kind")]
