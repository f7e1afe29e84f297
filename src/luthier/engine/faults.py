"""Errors in the shape that OpenAI's clients know."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import JSONResponse

from luthier.errors import LuthierError, UserError

_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class BadParameter(UserError):
    """One parameter of a request is unknown, unsupported or wrong."""

    code = "invalid_parameter"
    http_status = 400

    def __init__(self, message: str, *, param: str | None, code: str) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class ModelNotFound(UserError):
    """No model or adapter is served under that name."""

    code = "model_not_found"
    http_status = 404


class BodyTooLarge(UserError):
    """A request body is larger than the server reads."""

    code = "request_too_large"
    http_status = 413


class Overloaded(LuthierError):
    """Too many requests wait already."""

    code = "overloaded"
    http_status = 429


def error_response(fault: LuthierError) -> JSONResponse:
    """The fault as OpenAI's clients expect it."""
    headers = {"retry-after": "1"} if fault.http_status in (429, 503) else None
    return JSONResponse({"error": error_of(fault)}, status_code=_status(fault), headers=headers)


def error_of(fault: LuthierError) -> dict[str, str | None]:
    """What stands under `error`."""
    kind = _KINDS.get(fault.http_status, "invalid_request_error" if fault.http_status < 500 else "server_error")
    return {"message": fault.message, "type": kind, "param": getattr(fault, "param", None), "code": fault.code}


def bad_body(fault: ValidationError) -> BadParameter:
    """The first thing that is wrong with a body, by the name of its parameter; values are never repeated."""
    first = sorted(fault.errors(include_url=False, include_input=False), key=_weight)[0]
    param = ".".join(str(part) for part in _named(first["loc"]))
    if first["type"] == "extra_forbidden":
        return BadParameter(f"{param!r} is not supported here", param=param, code="unsupported_parameter")
    if not param:
        return BadParameter("the body must be a JSON object", param=None, code="invalid_body")
    return BadParameter(f"{param!r}: {first['msg']}", param=param, code="invalid_parameter")


def _status(fault: LuthierError) -> int:
    return 400 if fault.http_status == 422 else fault.http_status


def _weight(error: ErrorDetails) -> int:
    return 0 if error["type"] == "extra_forbidden" else 1


def _named(location: Sequence[int | str]) -> list[int | str]:
    """The path as the client wrote it: the names pydantic gives to members of a union are left out."""
    return [part for part in location if not (isinstance(part, str) and ("[" in part or part in ("str", "int")))]
