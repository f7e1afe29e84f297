"""The `gateway:` section of the project file."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from luthier.section import Section

Deed = Literal["off", "flag", "block"]
"""What a check does with what it finds: nothing, a mark on the record, or a refusal as well."""

Cleaning = Literal["off", "flag", "strip"]


class GuardsConfig(Section):
    """What is looked at on the way in and on the way out; each check is on the record under its name."""

    policy: str | None = Field(
        default=None, min_length=1, max_length=20_000, description="Text put before every prompt, whatever the release."
    )
    max_characters: int | None = Field(
        default=None, ge=1, description="Longest conversation that is taken, in characters; longer ones are refused."
    )
    injection: Deed = Field(default="flag", description="Instructions to the model inside messages.")
    restore_personal_data: bool = Field(
        default=False, description="Put what `data.pii` took out of the request back into the answer."
    )
    leaks: Literal["off", "flag", "mask"] = Field(
        default="flag", description="Personal data and secrets in answers that the request did not hold."
    )
    links: Cleaning = Field(
        default="strip", description="Links and images in answers that lead outside `allowed_hosts`."
    )
    allowed_hosts: tuple[str, ...] = Field(default=(), description="Hosts, with their subdomains, that links may name.")
    shape: Deed = Field(default="flag", description="Answers that break `response_format` or are no valid tool call.")
    repair: bool = Field(default=False, description="Ask once more, with the fault told, where an answer breaks it.")

    @model_validator(mode="after")
    def _hosts_are_names(self) -> Self:
        bad = [host for host in self.allowed_hosts if "/" in host or ":" in host or not host.strip(".")]
        if bad:
            raise ValueError(f"{bad[0]!r} is no host name; write it without scheme, port and path")
        return self


class LimitsConfig(Section):
    """What one key may use; absent means unlimited."""

    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_day: int | None = Field(default=None, ge=1, description="Prompt and completion tokens, by UTC day.")
    money_per_day: Decimal | None = Field(
        default=None, gt=0, description="In `costs.currency`, at the price of the model that answers, by UTC day."
    )


class BackendsConfig(Section):
    """How back ends that fail are treated."""

    attempts: int = Field(default=2, ge=1, le=5, description="Tries at one route before the fallback answers.")
    retry_share: float = Field(
        default=0.1, ge=0, le=1, description="Retries may be at most this share of requests, so that no storm starts."
    )
    open_after: int = Field(default=5, ge=1, description="Failures in a row after which a back end is left alone.")
    open_seconds: float = Field(default=5, gt=0, le=600, description="How long, until one request tries it again.")
    idle_seconds: float = Field(default=30, gt=0, le=600, description="Longest silence within a stream.")
    connections: int = Field(default=1_024, ge=1, le=10_000, description="To one back end, from one worker.")
    embeddings_url: str | None = Field(default=None, description="Where `/v1/embeddings` is answered, ending in /v1.")


class GatewayConfig(Section):
    """Where applications reach the served release, and the limits they meet."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback unless said otherwise.")
    port: int = Field(default=8080, ge=0, le=65_535, description="0 picks a free port.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes that answer, on one port.")
    upstream_timeout_seconds: float = Field(default=60, gt=0, le=3_600)
    max_body_bytes: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    max_messages: int = Field(default=100, ge=1, le=10_000)
    max_connections: int = Field(default=10_000, ge=1, le=100_000)
    keep_content: bool = Field(default=True, description="Keep questions and answers with each interaction.")
    content_retention_days: int | None = Field(
        default=None, ge=1, description="Questions and answers older than this are erased; figures and verdicts stay."
    )
    spool_max_bytes: int = Field(
        default=1_000_000_000, ge=1_000_000, description="Bound of what waits for the store; beyond it, 503."
    )
    first_users: tuple[str, ...] = Field(
        default=(), description="Users (`user`, or names of keys) who get a canary whatever its share: colleagues."
    )
    limits: LimitsConfig = Field(default=LimitsConfig(), description="Of every key.")
    key_limits: dict[str, LimitsConfig] = Field(default={}, description="Owner of keys -> limits instead of `limits`.")
    guards: GuardsConfig = Field(default=GuardsConfig(), description="Checks of requests and answers.")
    backends: BackendsConfig = Field(default=BackendsConfig(), description="Retries, breakers and connections.")
