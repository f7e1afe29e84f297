"""The one way to hash: SHA-256 over canonical JSON or over bytes, in hex."""

import hashlib
import json


def canonical_json(value: object) -> bytes:
    """The same bytes for equal JSON values: sorted keys, no spaces, UTF-8, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON of `value`, 64 hex digits."""
    return digest_of_bytes(canonical_json(value))


def digest_of_bytes(data: bytes) -> str:
    """SHA-256 of `data`, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
