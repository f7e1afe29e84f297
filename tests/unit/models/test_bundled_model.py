"""The shipped folder is what its card says, and small enough to ship."""

import hashlib
import re
from pathlib import Path

import luthier

BUNDLED = Path(luthier.__file__).parent / "variants/engines/bundled"


def test_the_card_names_the_weights_that_are_shipped() -> None:
    digest = hashlib.sha256((BUNDLED / "model.safetensors").read_bytes()).hexdigest()
    assert re.findall(r"\b[0-9a-f]{64}\b", (BUNDLED / "MODEL_CARD.md").read_text(encoding="utf-8")) == [digest]


def test_the_folder_is_at_most_20_megabytes_and_holds_no_code() -> None:
    files = [file for file in BUNDLED.iterdir() if file.is_file()]
    assert {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"} <= {
        f.name for f in files
    }
    assert sum(file.stat().st_size for file in files) <= 20_000_000
    assert {file.suffix for file in files} <= {".json", ".md", ".safetensors"}
