"""Where a model lies, whether it is safe to open, and what its weights hash to; loads no model library."""

import hashlib
import json
import re
from pathlib import Path

from luthier.errors import MissingInput, Refused

BUNDLED = "bundled"
_BUNDLED_FOLDER = Path(__file__).parent / "bundled"
_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?$")
_HUB_FILES = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja")
_PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".msgpack", ".h5"})
_CONFIGS = ("config.json", "tokenizer_config.json", "generation_config.json", "processor_config.json")
MAX_JSON_BYTES = 50_000_000


class UnsafeModel(Refused):
    """A model folder could only be opened by running code from it."""

    code = "unsafe_model"


def model_folder(name: str, *, root: Path = Path()) -> Path:
    """The folder of `bundled`, of a local path (relative ones start at `root`), or of a Hugging Face id."""
    folder = _BUNDLED_FOLDER if name == BUNDLED else root / name
    if folder.is_dir():
        return folder.resolve()
    if name == BUNDLED or not _HUB_ID.match(name):
        raise MissingInput(f"no model lies at {str(folder)!r}", hint="check `id` of the model")
    return _from_hub(name)


def check_model_folder(folder: Path) -> None:
    """Nothing when the folder opens without running code, else UnsafeModel; only safetensors weights count."""
    for name in _CONFIGS:
        if (folder / name).is_file() and "auto_map" in read_json(folder / name):
            raise UnsafeModel(
                f"{name} of {folder.name!r} asks to run code from the repository (`auto_map`)",
                hint="use a model that transformers supports itself, or serve it elsewhere and use engine `openai`",
            )
    if weight_files(folder):
        return
    if pickles := sorted(file.name for file in folder.iterdir() if file.suffix in _PICKLE_SUFFIXES):
        raise UnsafeModel(
            f"{folder.name!r} holds weights as {pickles[0]!r}, which may run code when opened",
            hint="convert the weights to safetensors",
        )
    raise MissingInput(f"{str(folder)!r} holds no .safetensors file", hint="check `id` of the model")


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files, in the order of their names."""
    return sorted(folder.glob("*.safetensors"))


def weights_digest(folder: Path) -> str:
    """SHA-256 over the bytes of all safetensors files in the order of their names."""
    hashed = hashlib.sha256()
    for path in weight_files(folder):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                hashed.update(block)
    return hashed.hexdigest()


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in `path`; MissingInput when it is absent or no object."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise MissingInput(f"{path.name!r} is larger than {MAX_JSON_BYTES:,} bytes", hint="check the folder")
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as fault:
        raise MissingInput(f"{str(path)!r} is not there or is not JSON", hint="check the folder") from fault
    if not isinstance(value, dict):
        raise MissingInput(f"{str(path)!r} holds no JSON object", hint="check the folder")
    return value


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (0.6 s that only a hub id should cost)
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(repo_id=name, allow_patterns=list(_HUB_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as fault:
        raise MissingInput(
            f"model {name!r} is neither a folder nor could it be fetched from the hub",
            hint="check the id and the network, or give a folder",
        ) from fault
