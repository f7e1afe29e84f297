"""The one place that turns faults into OpenAI-shaped HTTP errors."""

from starlette.responses import JSONResponse


class HttpFault(Exception):
    """A refusal in OpenAI's shape: status, type, code, one sentence."""

    def __init__(self, status: int, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param

    @property
    def kind(self) -> str:
        """OpenAI's error type for the status."""
        known = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
        return known.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")

    def body(self) -> dict[str, dict[str, str | None]]:
        """The JSON body."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self, request_id: str) -> JSONResponse:
        """The whole response, with the id a person can quote."""
        headers = {"x-request-id": request_id}
        if self.status in {429, 503}:
            headers["retry-after"] = "1"
        return JSONResponse(self.body(), status_code=self.status, headers=headers)
