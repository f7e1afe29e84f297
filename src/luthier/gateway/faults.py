"""The one place that turns faults into OpenAI-shaped HTTP errors."""

import orjson

from luthier.gateway.http.messages import Response

_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class HttpFault(Exception):
    """A refusal in OpenAI's shape: status, type, code, one sentence."""

    def __init__(
        self, status: int, message: str, *, code: str, param: str | None = None, retry_seconds: float = 1
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_seconds = retry_seconds

    @property
    def kind(self) -> str:
        """OpenAI's error type for the status."""
        if self.code == "insufficient_quota":
            return self.code
        return _KINDS.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")

    def body(self) -> dict[str, dict[str, str | None]]:
        """The JSON body."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self, request_id: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
        """The whole response, with the id a person can quote."""
        told = [(b"x-request-id", request_id.encode()), *headers]
        if self.status in {429, 503}:
            told.append((b"retry-after", b"%d" % max(1, -int(-self.retry_seconds // 1))))
        return Response(self.status, orjson.dumps(self.body()), headers=tuple(told))
