"""ROUGE-1/2/L on 10,000 pairs of medical answers, beside rouge_score; equal to 1e-6 first.

    PYTHONPATH=src python benchmarks/rouge.py --data ../shared/data --peer-pairs 500

Pairs are neighbouring answers of medquad, so that no text is compared with itself. Ours is timed with cold caches over
all pairs; the peer over `--peer-pairs` of them, drawn evenly, and multiplied. Processor seconds: the machine is shared.
"""

import argparse
import gzip
import json
import time
from itertools import islice, pairwise
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer

from luthier.evaluate.metrics import rouge

PAIRS = 10_000
NAMES = ("rouge1", "rouge2", "rougeL")


def pairs_of(file: Path, longest: int) -> list[tuple[str, str]]:
    """Neighbouring answers, each cut to its first `longest` characters."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [str(json.loads(line)["answer"] or "")[:longest] for line in islice(lines, PAIRS + 1)]
    return list(pairwise(texts))


def ours(pairs: list[tuple[str, str]]) -> list[tuple[float, ...]]:
    """All three figures of every pair."""
    return [
        (rouge.rouge_n(one, other, 1), rouge.rouge_n(one, other, 2), rouge.rouge_lcs(one, other))
        for one, other in pairs
    ]


def theirs(pairs: list[tuple[str, str]]) -> list[tuple[float, ...]]:
    """The same by rouge_score."""
    scorer = RougeScorer(list(NAMES))
    scored = [scorer.score(other, one) for one, other in pairs]
    return [tuple(each[name].fmeasure for name in NAMES) for each in scored]


def main() -> None:
    """Check, time, print, and keep the figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked.add_argument("--peer-pairs", type=int, default=500)
    asked.add_argument("--longest", type=int, default=600)
    asked.add_argument("--out", type=Path, default=Path("benchmarks/results/rouge.json"))
    given = asked.parse_args()
    pairs = pairs_of(given.data / "medquad" / "qa.jsonl.gz", given.longest)
    began = time.process_time()
    found = ours(pairs)
    took = time.process_time() - began
    step = PAIRS // given.peer_pairs
    began = time.process_time()
    peer = theirs(pairs[::step])
    peer_took = (time.process_time() - began) * PAIRS / len(pairs[::step])
    furthest = max(
        abs(a - b) for mine, other in zip(found[::step], peer, strict=True) for a, b in zip(mine, other, strict=True)
    )
    if furthest > 1e-6:
        raise SystemExit(f"figures differ by {furthest}")
    words = sum(len(rouge.words(one)) for one, _ in pairs[:200]) / 200
    figures = {
        "pairs": PAIRS,
        "words per text": round(words, 1),
        "furthest apart": furthest,
        "ours_cpu_seconds": round(took, 2),
        "rouge_score_cpu_seconds": round(peer_took, 2),
        "measured_peer_pairs": len(peer),
        "ratio": round(peer_took / took, 1),
    }
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
