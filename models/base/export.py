"""The shipped folder: weights, tokenizer, chat template and a card whose every figure was measured."""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # run as a file: the recipe's own package is found from the repository root

from models.base import tokenizer  # noqa: E402  (after the path above)
from models.base.pretrain import Recipe, build_model  # noqa: E402

CARD = Path(__file__).parent / "card.md"


def sha256(path: Path) -> str:
    """The digest of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def export(checkpoint: Path, spelling: Tokenizer, out: Path) -> dict[str, Any]:
    """`out` loads with `from_pretrained`; the result says how far the checkpoint had come."""
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    end, pad = (tokenizer.token_id(spelling, token) for token in (tokenizer.TURN_END, tokenizer.END_OF_TEXT))
    model = build_model(Recipe(), spelling.get_vocab_size(), end, pad)
    model.load_state_dict(state["model"])
    model.generation_config.do_sample = False
    model.save_pretrained(out)
    tokenizer.save(spelling, out)
    progress: dict[str, Any] = state["progress"]
    return {**progress, "parameters": sum(weight.numel() for weight in model.parameters())}


def write_card(out: Path, facts: dict[str, Any], scores: dict[str, Any]) -> None:
    """`out/MODEL_CARD.md` names the weights by digest and holds the measured scores."""
    rows = [f"| {kind} | {score['exact']:.3f} | {score['n']} |" for kind, score in scores.get("drills", {}).items()]
    text = CARD.read_text(encoding="utf-8").format(
        sha256=sha256(out / "model.safetensors"),
        parameters=f"{facts['parameters']:,}",
        tokens=f"{facts['tokens'] / 1e6:.1f}",
        steps=f"{facts['step']:,}",
        minutes=f"{facts['trained_seconds'] / 60:.0f}",
        drill_rows="\n".join(rows) or "| not measured on these weights | | |",
        snips=scores.get("snips", "Not measured on these weights."),
    )
    (out / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Export one checkpoint, with the scores that `probe.py` kept beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=Path("../basemodel/run/checkpoint.pt"))
    parser.add_argument("--out", type=Path, default=ROOT / "src/luthier/variants/engines/bundled")
    parser.add_argument("--scores", type=Path, help="What `probe.py --scores` wrote; without it no card is written.")
    options = parser.parse_args()
    spelling = Tokenizer.from_file(str(options.checkpoint.parent / "tokenizer.json"))
    facts = export(options.checkpoint, spelling, options.out)
    if options.scores is not None:
        write_card(options.out, facts, json.loads(options.scores.read_text(encoding="utf-8")))
    print(facts)


if __name__ == "__main__":
    main()
