"""Vectors of texts from the endpoint that the project names; personal data is taken out, who asks is not told."""

import orjson

from luthier.gateway.config import GatewayConfig
from luthier.gateway.faults import HttpFault
from luthier.gateway.http.client import BackendLost, Origin, Pool, ask
from luthier.gateway.metrics import Metrics
from luthier.gateway.ports import Ports
from luthier.gateway.requests import EmbeddingsRequest

ENGINE = "embeddings"


class Embeddings:
    """One endpoint, or none."""

    def __init__(self, ports: Ports, config: GatewayConfig, metrics: Metrics) -> None:
        self._ports, self._metrics = ports, metrics
        self._timeout = config.upstream_timeout_seconds
        url = config.backends.embeddings_url
        self._origin = Origin.of(url) if url else None
        self._pool = Pool(self._origin) if self._origin else None

    def close(self) -> None:
        """Drop idle connections."""
        if self._pool is not None:
            self._pool.close()

    async def answer(self, request: EmbeddingsRequest) -> tuple[bytes, int]:
        """The endpoint's body as it is, and the tokens it counts."""
        if self._pool is None or self._origin is None:
            raise HttpFault(404, "this project serves no embeddings", code="model_not_found", param="model")
        texts = [request.input] if isinstance(request.input, str) else list(request.input)
        told = request.model_dump(exclude={"user"}, exclude_none=True)
        told["input"] = [self._ports.cleared(text) for text in texts]
        body = orjson.dumps(told)
        head = self._origin.head("/embeddings", key=self._ports.upstream_key(ENGINE))
        try:
            wire, answer = await ask(self._pool, b"%b%d\r\n\r\n%b" % (head, len(body), body), seconds=self._timeout)
        except BackendLost as fault:
            self._metrics.count("luthier_backend_failures_total", ENGINE, str(fault))
            raise HttpFault(503, "the embeddings endpoint is down", code="upstream_down") from fault
        if wire.status != 200:
            self._metrics.count("luthier_backend_failures_total", ENGINE, f"status {wire.status}")
            status = 400 if 400 <= wire.status < 500 and wire.status not in {401, 403, 429} else 503
            raise HttpFault(status, "the embeddings endpoint refuses the request", code="upstream_refused")
        return answer, _tokens(answer)


def _tokens(answer: bytes) -> int:
    try:
        usage = orjson.loads(answer)["usage"]["total_tokens"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise HttpFault(502, "the embeddings endpoint answers nonsense", code="upstream_lost") from None
    return usage if isinstance(usage, int) else 0
