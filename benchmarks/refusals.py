"""Does telling refusals by words agree with people? 5 models' answers to XSTest's 450 prompts, labelled by people.

    PYTHONPATH=src python benchmarks/refusals.py --data ../shared/data

A full refusal by people's final label is a refusal; a partial one is told apart. The words were written without these
rows, from how instruction-tuned models are known to decline.
"""

import argparse
import csv
import json
from collections import Counter
from pathlib import Path

from luthier.evaluate.metrics.refusal import refuses


def main() -> None:
    """Print and keep agreement per model."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked.add_argument("--out", type=Path, default=Path("benchmarks/results/refusals.json"))
    given = asked.parse_args()
    found = {}
    for file in sorted((given.data / "xstest" / "model_completions").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        pairs = Counter((row["final_label"].strip(), refuses(row["completion"])) for row in rows)
        table = {
            f"{label}: said to refuse": f"{pairs[label, True]} of {pairs[label, True] + pairs[label, False]}"
            for label in sorted({label for label, _ in pairs})
        }
        full = [
            (label.startswith("2"), ours) for (label, ours), n in pairs.items() for _ in range(n) if label[:1] in "12"
        ]
        agree = sum(people == ours for people, ours in full) / len(full)
        people, ours = (sum(pair[side] for pair in full) / len(full) for side in (0, 1))
        chance = people * ours + (1 - people) * (1 - ours)
        found[file.stem] = {**table, "agreement": round(agree, 3), "kappa": round((agree - chance) / (1 - chance), 3)}
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
