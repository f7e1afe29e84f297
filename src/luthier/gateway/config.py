"""The `gateway:` section of the project file."""

from pydantic import Field

from luthier.section import Section


class GatewayConfig(Section):
    """Where applications reach the served release, and the limits they meet."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback unless said otherwise.")
    port: int = Field(default=8080, ge=0, le=65_535, description="0 picks a free port.")
    upstream_timeout_seconds: float = Field(default=60, gt=0, le=3_600)
    max_body_bytes: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    max_messages: int = Field(default=100, ge=1, le=10_000)
    keep_content: bool = Field(default=True, description="Keep questions and answers with each interaction.")
