"""The bundled base model from nothing: tokenizer, corpus, pretraining, export, card. Every part can be resumed.

.venv/bin/python models/base/build.py --data ../shared/data --out src/luthier/variants/engines/bundled --minutes 72
"""

import argparse
import shutil
import sys
from hashlib import sha256
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # run as a file: the recipe's own package is found from the repository root

from models.base import corpus, tokenizer  # noqa: E402  (after the path above)
from models.base.export import export, write_card  # noqa: E402
from models.base.pretrain import Recipe, Trainer, build_model  # noqa: E402

FIRST_CYCLE_SHARE = 0.43


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=ROOT / "src/luthier/variants/engines/bundled")
    parser.add_argument("--work", type=Path, default=Path("../basemodel/run"), help="Checkpoints and the log.")
    parser.add_argument("--minutes", type=float, default=72.0, help="Training time, pauses not counted.")
    parser.add_argument("--start", type=Path, help="An exported model to train further, in one gentler cycle.")
    return parser.parse_args()


def prepared(data: Path, work: Path, recipe: Recipe) -> tuple[Tokenizer, corpus.Mixture]:
    """The tokenizer of this work folder, trained if absent, and the mixture that it encodes."""
    found = corpus.documents(data, recipe.seed)
    runs = corpus.phrases(found, recipe.seed)
    saved = work / "tokenizer.json"
    if not saved.exists():
        tokenizer.save(tokenizer.train(corpus.training_texts(found, runs, recipe.seed)), work)
    spelling = Tokenizer.from_file(str(saved))
    return spelling, corpus.Mixture(corpus.Encoder(spelling), found, runs, recipe.seed)


def further(start: Path, work: Path) -> Recipe:
    """The recipe of a later run: other drills, smaller steps; the tokenizer is the started model's own."""
    shutil.copy(start / "tokenizer.json", work / "tokenizer.json")
    made_before = int.from_bytes(sha256((start / "model.safetensors").read_bytes()).digest()[:4])
    return Recipe(seed=made_before, matrix_rate=3e-3, embedding_rate=9e-4)


def main() -> None:
    """Leave a trained model in `--out`."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    recipe = further(options.start, options.work) if options.start else Recipe()
    spelling, mixture = prepared(options.data, options.work, recipe)
    end, pad = (tokenizer.token_id(spelling, token) for token in (tokenizer.TURN_END, tokenizer.END_OF_TEXT))
    model = build_model(recipe, spelling.get_vocab_size(), end, pad)
    if options.start:
        model = LlamaForCausalLM.from_pretrained(options.start)
    trainer = Trainer(model, mixture, recipe, options.work)

    def keep(cycle: int) -> None:
        shutil.copy(options.work / "checkpoint.pt", options.work / f"cycle-{cycle}.pt")

    first = () if options.start else (options.minutes * FIRST_CYCLE_SHARE,)
    trainer.run((*first, options.minutes), keep)
    facts = export(options.work / "checkpoint.pt", spelling, options.out)
    write_card(options.out, facts, {})  # `probe.py` measures, and `export.py --scores` writes what it found
    print(f"{options.out}: {facts}")


if __name__ == "__main__":
    main()
