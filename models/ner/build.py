"""Build the tagger of names: `python models/ner/build.py --data ../shared/data`. No labelled data."""

import argparse
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "src")]

from luthier.text.pii.ner.tagger import WEIGHTS  # noqa: E402 - needs the path
from models.ner.derive import derive  # noqa: E402
from models.ner.generate import NAMED, sentences  # noqa: E402
from models.ner.train import cases, export, listed, train, vocabulary  # noqa: E402
from models.ner.values import LISTED  # noqa: E402


def main() -> None:
    """Generate, train, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data", help="Folder of public data.")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--sentences", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order, so that a rebuild on the same machine gives the same bytes
    derived = derive(options.data, NAMED | {name.lower() for names in LISTED for name in names})
    lists = listed(LISTED, derived.common)
    known = vocabulary(list(cases(sentences(options.seed, derived), 30_000)))
    print(f"{len(derived.surnames)} surnames, {len(derived.companies)} companies, {len(derived.clauses)} clauses, "
          f"{len(known)} words, {len(lists)} listed", flush=True)  # fmt: skip
    network = train(
        sentences(options.seed + 1, derived), known, lists, total=options.sentences, batch=128, seed=options.seed
    )
    export(network, known, lists, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
