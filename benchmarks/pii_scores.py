"""Scores of spans against labelled ones: exact and overlapping F per type, and the characters that stay behind."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

Half = str
MAPPED = {
    "ADDRESS": "LOCATION", "STREET_ADDRESS": "LOCATION", "GPE": "LOCATION", "ZIP_CODE": "LOCATION",
    "DOMAIN_NAME": "URL", "PREFIX": "TITLE",
}  # fmt: skip
"""Types that are one here, on both sides: the set tells streets from towns, and `Dr.` from `Mr.`, by who made them."""


class Labelled(NamedTuple):
    """A sentence with its true spans: start, end, type."""

    text: str
    spans: list[tuple[int, int, str]]


def presidio_half(path: Path, half: Half) -> list[Labelled]:
    """The `dev` or `held` half of a labelled file, or `all`; templates are split whole, by a digest of their number."""
    rows = []
    for row in json.loads(path.read_text(encoding="utf-8")):
        even = hashlib.sha256(f"pii {row['template_id']}".encode()).digest()[0] % 2 == 0
        if half == "all" or even == (half == "dev"):
            rows.append(
                Labelled(
                    row["full_text"], [(s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"]]
                )
            )
    return rows


def joined(text: str, spans: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans under their mapped types; two of one type with only spaces and commas between them are one."""
    merged: list[tuple[int, int, str]] = []
    for start, end, kind in sorted((s, e, MAPPED.get(k, k)) for s, e, k in spans):
        if merged and merged[-1][2] == kind and not text[merged[-1][1] : start].strip(" ,\n\t"):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), kind)
        else:
            merged.append((start, end, kind))
    return merged


def score(
    rows: Sequence[Labelled], find: Callable[[Sequence[str]], Sequence[Iterable[tuple[int, int, str]]]]
) -> Mapping[str, dict[str, float]]:
    """Per type and for all (`micro`): true spans; precision, recall and F by exact span and by half the union."""
    counts: Counter[tuple[str, str]] = Counter()
    truths = [joined(row.text, row.spans) for row in rows]
    known = {kind for truth in truths for _, _, kind in truth}
    for row, truth, answer in zip(rows, truths, find([row.text for row in rows]), strict=True):
        found = [span for span in joined(row.text, answer) if span[2] in known]
        hidden = {place for start, end, _ in found for place in range(start, end)}
        for span in truth:
            kinds = [place in hidden for place in range(span[0], span[1]) if not row.text[place].isspace()]
            counts[span[2], "true"] += 1
            counts[span[2], "exact"] += span in found
            counts[span[2], "overlap"] += any(_alike(span, other) for other in found)
            counts[span[2], "characters"] += len(kinds)
            counts[span[2], "left"] += len(kinds) - sum(kinds)
        for span in found:
            counts[span[2], "found"] += 1
            counts[span[2], "exact_found"] += span in truth
            counts[span[2], "overlap_found"] += any(_alike(span, other) for other in truth)
    for kind in known:
        for name in ("true", "found", "exact", "exact_found", "overlap", "overlap_found", "characters", "left"):
            counts["micro", name] += counts[kind, name]
    return {kind: _figures(counts, kind) for kind in [*sorted(known), "micro"]}


def _alike(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    whole = max(one[1], other[1]) - min(one[0], other[0])
    return one[2] == other[2] and shared >= whole / 2


def _figures(counts: Mapping[tuple[str, str], int], kind: str) -> dict[str, float]:
    figures: dict[str, float] = {"spans": counts[kind, "true"]}
    for how in ("exact", "overlap"):
        recall = counts[kind, how] / counts[kind, "true"]
        precision = counts[kind, f"{how}_found"] / counts[kind, "found"] if counts[kind, "found"] else 0.0
        both = precision + recall
        figures |= {
            f"{how}_p": precision,
            f"{how}_r": recall,
            f"{how}_f": 2 * precision * recall / both if both else 0.0,
        }
    return figures | {"left": counts[kind, "left"] / max(1, counts[kind, "characters"])}


def table(figures: Mapping[str, dict[str, float]]) -> str:
    """The figures as lines of text."""
    lines = [f"{'type':18s} spans | exact  P    R    F | half   P    R    F | characters left"]
    for kind, f in figures.items():
        lines.append(
            f"{kind:18s} {f['spans']:5.0f} | {f['exact_p']:8.3f} {f['exact_r']:.3f} {f['exact_f']:.3f} |"
            f" {f['overlap_p']:8.3f} {f['overlap_r']:.3f} {f['overlap_f']:.3f} | {f['left']:.3f}"
        )
    return "\n".join(lines)
