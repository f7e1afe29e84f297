"""Log lines as JSON: time, level, what happened, ids. No content ever: callers pass ids, words and figures only."""

import logging
from datetime import UTC, datetime

import orjson

FIELDS = ("request_id", "caller", "status", "path", "seconds", "release", "error_id", "engine", "fault")


class JsonLines(logging.Formatter):
    """One object per line; an exception is told by its type and place, without its text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "at": at, "level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()
        }  # fmt: skip
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = _trace(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


def _trace(fault: BaseException) -> list[str]:
    """Where the fault came from: types and lines of code, never the message, which may quote what people wrote."""
    places = [type(fault).__name__]
    frame = fault.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/luthier/')[2]}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return places


def log_as_json() -> None:
    """Everything this process logs goes to standard error as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
