"""Secrets stay out of faults, listings and logs: a value is masked by its name or by its look."""

import re
from collections.abc import Sequence

MASK = "**********"
_SECRET_NAME = re.compile(r"(?i)(?<![a-z])token(?![a-z])|secret|password|passwd|api_?key|credential")
_SECRET_LOOK = re.compile(r"\b(?:sk|pk|hf|ghp|gho|glpat|xox[abps]|AKIA)[-_]?[A-Za-z0-9_-]{16,}")
_URL_USERINFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/@\s]*:[^@\s]*@")
_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def masked(path: Sequence[str], text: str) -> str:
    """The text as it may be shown: whole, without a URL's password, or not at all."""
    name = path[-1] if path else ""
    if name.endswith("_env") and _VARIABLE_NAME.fullmatch(text) and not _SECRET_LOOK.search(text):
        return text
    if any(_SECRET_NAME.search(part) for part in path):
        return MASK
    return _SECRET_LOOK.sub(MASK, _URL_USERINFO.sub(rf"\g<scheme>{MASK}@", text))
