"""The digest that pins a base model: every weight file, read in blocks."""

import hashlib
from pathlib import Path

from luthier.domain.digests import digest_of
from luthier.errors import MissingInput, UserError

BLOCK_BYTES = 1 << 20


def weights_digest(folder: Path) -> str:
    """SHA-256 of `model.safetensors`, or of the digests by name where the weights lie in several files."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise _no_weights(folder)
    if len(files) == 1:
        return file_digest(files[0])
    return digest_of({file.name: file_digest(file) for file in files})


def file_digest(file: Path) -> str:
    """SHA-256 of the file's bytes in hex, in constant memory."""
    hasher = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(BLOCK_BYTES):
            hasher.update(block)
    return hasher.hexdigest()


def _no_weights(folder: Path) -> UserError:
    if not folder.is_dir():
        return MissingInput(f"no base model lies in {str(folder)!r}", hint="check `models` in luthier.yaml")
    return UserError(
        f"{str(folder)!r} holds no *.safetensors file", hint="pickled weights are never opened; convert the model first"
    )
