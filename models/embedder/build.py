"""Makes the word vectors that Luthier ships: `python models/embedder/build.py --data ../shared/data`.

One process, 3 minutes on one core, 2 GB; the same bytes from the same data, seed and library versions.
"""

import argparse
from pathlib import Path

import numpy as np

from models.embedder.vectors import Floats, folded, neighbours, unit

ROOT = Path(__file__).parents[2]
WORDS, DIMENSIONS, COMMON = 32_000, 128, 20_000
ROUNDS, PULL = 8, 2.0


def drawn_together(vocabulary: list[str], vectors: Floats, groups: list[list[str]]) -> Floats:
    """Vectors of words with like meanings pulled towards each other.

    Source: Faruqui et al., Retrofitting Word Vectors to Semantic Lexicons (2015), with the list's words weighing PULL.
    """
    place = {word: number for number, word in enumerate(vocabulary)}
    friends: dict[int, set[int]] = {}
    for group in groups:
        known = [place[word] for word in group if word in place]
        for one in known:
            friends.setdefault(one, set()).update(other for other in known if other != one)
    moved = vectors.copy()
    for _ in range(ROUNDS):
        for one, others in friends.items():
            if others:
                moved[one] = (vectors[one] + PULL * moved[sorted(others)].mean(axis=0)) / (1 + PULL)
    return unit(moved)


def main() -> None:
    """Count, fold, draw together, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=ROOT / "src" / "luthier" / "text" / "embedder")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    vocabulary, counts = neighbours(chosen.data)
    vectors = folded(counts, DIMENSIONS, chosen.seed)
    vectors = unit(vectors - vectors[:COMMON].mean(axis=0))
    lines = (Path(__file__).parent / "synonyms.txt").read_text(encoding="utf-8").splitlines()
    groups = [line.split() for line in lines if line and not line.startswith("#")]
    vectors = drawn_together(vocabulary, vectors, groups)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "words.txt").write_text("\n".join(vocabulary[:WORDS]) + "\n", encoding="utf-8")
    (chosen.out / "vectors.i8").write_bytes(np.rint(vectors[:WORDS] * 127).astype(np.int8).tobytes())
    print(f"{min(WORDS, len(vocabulary))} words of {DIMENSIONS} dimensions in {chosen.out}")


if __name__ == "__main__":
    main()
