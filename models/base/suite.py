"""The general suite that tuned models are asked before and after: drills that no training run of the base model saw.

.venv/bin/python models/base/suite.py src/luthier/evaluate/general/general.jsonl

Words are made up, and the everyday phrases among them are written here, so that the suite holds nobody else's text.
"""

import json
import sys
from pathlib import Path
from random import Random

from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # run as a file: the recipe's own package is found from the repository root

from models.base import drills  # noqa: E402  (after the path above)
from models.base.tokenizer import word_pieces  # noqa: E402
from models.base.words import Words  # noqa: E402

SEED = 88_000_001  # neither the seed of pretraining nor the probe's
PER_MAKER = 16
TOKENIZER = ROOT / "src" / "luthier" / "variants" / "engines" / "bundled" / "tokenizer.json"
PHRASES = (
    "the kettle on the stove", "a letter without a stamp", "every second morning", "behind the green door",
    "two pairs of dry socks", "the last train home", "a map of the harbour", "rain before noon",
    "the neighbour's ladder",
    "half a loaf of bread", "an old brass key", "somewhere near the bridge", "the window that never shuts",
    "a list of small repairs", "warm milk and honey", "the quiet end of the hall", "three boxes of chalk",
    "a question nobody asked", "the long way round", "paint for the garden fence", "a seat by the aisle",
    "the first snow of the year", "a borrowed umbrella", "the clock above the counter", "ten minutes too early",
)  # fmt: skip


def suite() -> list[dict[str, object]]:
    """Sixteen drills of every maker, no question twice."""
    words = Words(Random(SEED), word_pieces(Tokenizer.from_file(str(TOKENIZER))), PHRASES, room_tokens=200)
    rows: list[dict[str, object]] = []
    asked: set[str] = set()
    for maker, _ in drills.MAKERS:
        made = 0
        while made < PER_MAKER:
            drill = maker(words)
            if drill.prompt in asked:
                continue
            asked.add(drill.prompt)
            rows.append({"id": f"{maker.__name__}:{made}", "kind": drill.kind, "messages": list(drill.messages)})
            made += 1
    return rows


def main() -> None:
    """Write the suite to the file named on the command line."""
    target = Path(sys.argv[1])
    target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in suite()), encoding="utf-8")


if __name__ == "__main__":
    main()
