"""Does the hallucination metric agree with people? 400 summaries of MTS-Dialog, each with a human hallucination rate.

    PYTHONPATH=src python benchmarks/hallucination.py --data ../shared/data

Correlations of each automatic figure with what people counted: Pearson as in the paper, and Spearman, which no outlier
moves. 95% intervals by bootstrap over the 100 dialogues (four summaries each share one). The metric sees the dialogue
alone; ROUGE and the vector likeness see the reference, as proxies are used. mtrag's human judgements are not in the
data set here; what is checked on it is whether a person's answer is told from the same answer beside another's context.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from luthier.domain.resampling import drawn_counts
from luthier.evaluate.metrics.grounded import ENOUGH, supports
from luthier.evaluate.metrics.likeness import greedy_f1, likeness
from luthier.evaluate.metrics.rouge import rouge_lcs, rouge_n
from luthier.evaluate.metrics.text import tokens

Floats = NDArray[np.float64]


def automatic(dialogue: str, reference: str, summary: str) -> dict[str, float]:
    """Every figure turned so that more is more hallucinated."""
    found = supports(summary, [dialogue]) or [1.0]
    return {
        "hallucination_rate": sum(each < ENOUGH for each in found) / len(found),
        "1 - groundedness": 1 - float(np.mean(found)),
        "1 - rouge1": 1 - rouge_n(summary, reference, 1),
        "1 - rouge2": 1 - rouge_n(summary, reference, 2),
        "1 - rougeL": 1 - rouge_lcs(summary, reference),
        "1 - bertscore (word vectors)": 1 - greedy_f1(likeness(tokens(summary) or [""], tokens(reference) or [""])),
        "1 - rouge1 precision to the dialogue": 1 - _precision(summary, dialogue),
    }


def _precision(summary: str, dialogue: str) -> float:
    said, given = tokens(summary), set(tokens(dialogue))
    return sum(word in given for word in said) / max(1, len(said))


def correlation(one: Floats, other: Floats, weights: Floats) -> float:
    """Pearson's of weighted rows."""
    total = weights.sum()
    one, other = one - weights @ one / total, other - weights @ other / total
    below = np.sqrt((weights @ one**2) * (weights @ other**2))
    return float(weights @ (one * other) / below) if below > 0 else 0.0


def interval(one: Floats, other: Floats, groups: Sequence[int]) -> list[float]:
    """95% of the bootstrap over groups."""
    numbers = np.asarray(groups)
    counts = [line.copy() for block in drawn_counts(max(groups) + 1, 2_000, seed=1) for line in block]
    return [
        float(each) for each in np.quantile([correlation(one, other, line[numbers]) for line in counts], [0.025, 0.975])
    ]


def mts(folder: Path) -> dict[str, object]:
    """Each automatic figure against people's hallucination rate and factual precision."""
    with (folder / "MTS-Dialog-Automatic-Summaries-ValidationSet.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "MTS-Dialog-Manual-Scores4CorrelationStudy.csv").open(encoding="utf-8-sig", newline="") as file:
        people = list(csv.DictReader(file))
    kept = [(row, human) for row, human in zip(rows, people, strict=True) if human["HallucinationRate"].strip()]
    dialogues = {text: place for place, text in enumerate(dict.fromkeys(row["Dialogue"] for row, _ in kept))}
    groups = [dialogues[row["Dialogue"]] for row, _ in kept]
    made = [automatic(row["Dialogue"], row["Reference Summary"], row["Automatic Summary"]) for row, _ in kept]
    wanted = {
        "hallucination rate": np.array([float(human["HallucinationRate"]) for _, human in kept]),
        "1 - factual precision": 1 - np.array([float(human["FactualPrecision"]) for _, human in kept]),
    }
    hallucinated = int((wanted["hallucination rate"] > 0).sum())
    found: dict[str, object] = {"rows": len(kept), "dialogues": len(dialogues), "rows hallucinated": hallucinated}
    for name, human in wanted.items():
        found[name] = {
            metric: {
                "pearson": round(
                    correlation(mine := np.array([each[metric] for each in made]), human, np.ones(len(human))), 3
                ),
                "interval": [round(each, 3) for each in interval(mine, human, groups)],
                "spearman": round(correlation(rankdata(mine), rankdata(human), np.ones(len(human))), 3),
            }
            for metric in made[0]
        }
    return found


def mtrag(file: Path) -> dict[str, object]:
    """How often the right context supports a person's answer better than the next row's context does."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    answerable = [row for row in rows if row["answerability"] == ["ANSWERABLE"] and row["contexts"]]
    contexts = [[each["text"] for each in row["contexts"]] for row in answerable]
    said = [row["targets"][0]["text"] for row in answerable]
    wins = ties = 0
    for place, answer in enumerate(said):
        own, other = supports(answer, contexts[place]), supports(answer, contexts[(place + 1) % len(said)])
        wins += float(np.mean(own or [0])) > float(np.mean(other or [0]))
        ties += float(np.mean(own or [0])) == float(np.mean(other or [0]))
    rates = [
        np.mean([each < ENOUGH for each in supports(answer, contexts[place]) or [1.0]])
        for place, answer in enumerate(said)
    ]
    return {"rows": len(said), "own context supports more": wins, "equal": ties,
            "hallucination_rate of people's answers": round(float(np.mean(rates)), 3)}  # fmt: skip


def main() -> None:
    """Print and keep the figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked.add_argument("--out", type=Path, default=Path("benchmarks/results/hallucination.json"))
    given = asked.parse_args()
    found = {
        "mts_dialog": mts(given.data / "mts_dialog" / "Correlation-Study"),
        "mtrag": mtrag(given.data / "mtrag" / "mtragun-human" / "generation_tasks" / "reference.jsonl"),
    }
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
