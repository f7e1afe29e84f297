"""Training: labelled sentences in, weights out, in a few minutes of two CPU cores."""

import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from luthier.text.pii.ner.features import LABELS, SPELLINGS, TAGS, WIDTH, hash_of, spelling_matrix, stretches
from luthier.text.pii.ner.tagger import DILATIONS
from models.ner.generate import Labelled

EMBEDDED, HIDDEN, KERNELS = 64, 160, (5, 5, 3)
UNSEEN = 0.3
"""Share of the words whose own row is hidden in training, so that the spelling has to speak."""


class Case(NamedTuple):
    """One stretch of a sentence, ready for training."""

    words: list[str]
    gaps: list[int]
    tags: list[int]


class Network(nn.Module):
    """The network that `luthier.text.pii.ner.tagger` runs in numpy."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, EMBEDDED, padding_idx=0)
        self.gaps = nn.Embedding(9, EMBEDDED)
        nn.init.normal_(self.table.weight, std=0.1)
        sizes = [EMBEDDED, *[HIDDEN] * len(KERNELS)]
        self.first = nn.LayerNorm(EMBEDDED)
        self.convs = nn.ModuleList(
            nn.Conv1d(a, b, kernel, padding=kernel // 2 * dilation, dilation=dilation)
            for a, b, kernel, dilation in zip(sizes, sizes[1:], KERNELS, DILATIONS, strict=False)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in KERNELS)
        self.out = nn.Linear(HIDDEN, len(TAGS))
        self.drop = nn.Dropout(0.15)

    def forward(self, types: Tensor, places: Tensor, gaps: Tensor, known: Tensor) -> Tensor:
        """Scores [batch, time, tags]; `types` [types, WIDTH] are rows, `places` the type at each place (0: none)."""
        inner = self.table(types)
        words = inner[:, 1:].sum(1)[places] + inner[:, 0][places] * known[..., None]
        real = (places > 0)[..., None]
        hidden = self.drop(self.first(words + self.gaps(gaps))) * real
        for conv, norm in zip(self.convs, self.norms, strict=True):
            grown = torch.relu(conv(hidden.transpose(1, 2)).transpose(1, 2))
            hidden = self.drop(norm(grown + hidden if grown.shape == hidden.shape else grown)) * real
        scores: Tensor = self.out(hidden)
        return scores


def cases(sentences: Iterator[Labelled], count: int) -> Iterator[Case]:
    """`count` sentences as tokens and tags."""
    for text, spans in islice(sentences, count):
        for stretch in stretches(text):
            yield Case(stretch.words, stretch.gaps, _tags(stretch.places, spans))


def vocabulary(sample: Sequence[Case], least: int = 2, most: int = 14_000) -> dict[str, int]:
    """Words that get a row of their own: the commonest of the sample."""
    counts = Counter(word.lower() for case in sample for word in case.words)
    return {word: place for place, (word, count) in enumerate(counts.most_common(most)) if count >= least}


def listed(lists: Sequence[Sequence[str]], common: Collection[str]) -> dict[int, int]:
    """Under the hash of each word of `lists` one bit for each list with it; towns lend no bit to `common` words."""
    bits: dict[int, int] = {}
    for place, names in enumerate(lists):
        for word in {word for name in names for word in re.findall(r"[^\W\d_]{2,}", name.lower())}:
            if place < 2 or word not in common:
                bits[hash_of(word)] = bits.get(hash_of(word), 0) | 1 << place
    return bits


def train(
    sentences: Iterator[Labelled],
    known: Mapping[str, int],
    lists: Mapping[int, int],
    *,
    total: int,
    batch: int,
    seed: int,
) -> Network:
    """A network that has seen `total` sentences once each; the rate warms up and then falls to zero."""
    torch.manual_seed(seed)
    network = Network(1 + len(known) + SPELLINGS)
    peak, steps = 5e-3, total // batch
    optimizer = torch.optim.Adam(network.parameters(), lr=peak, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 100, max(0.01, 1 - step / steps))
    )
    began, seen, stream = time.monotonic(), 0.0, cases(sentences, total)
    for step in range(steps):
        group = list(islice(stream, batch))
        if not group:
            break
        types, places, gaps, tags = _tensors(group, known, lists)
        hidden = (torch.rand(places.shape) > UNSEEN).float()
        scores = network(types, places, gaps, hidden)
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), tags.flatten(), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        seen = 0.98 * seen + 0.02 * float(loss.detach()) if step else float(loss.detach())
        if step % 100 == 0:
            print(f"step {step}/{steps} loss {seen:.4f} {time.monotonic() - began:.0f} s", flush=True)
    return network.eval()


def export(network: Network, known: Mapping[str, int], lists: Mapping[int, int], path: Path) -> None:
    """The weights as one file without pickle; the table in 8 bits with a scale per row."""
    state = {name: tensor.detach().numpy().astype(np.float32) for name, tensor in network.state_dict().items()}
    table = state["table.weight"]
    scale = np.abs(table).max(1, keepdims=True) / 127 + 1e-12
    arrays = {
        "words": np.frombuffer("\n".join(known).encode(), dtype=np.uint8),
        "listed": np.array(sorted(lists), dtype=np.uint32),
        "lists": np.array([lists[word] for word in sorted(lists)], dtype=np.uint8),
        "table": np.round(table / scale).astype(np.int8),
        "table_scale": scale.astype(np.float16),
        "gaps": state["gaps.weight"],
        "first_gain": state["first.weight"],
        "first_shift": state["first.bias"],
        "out": state["out.weight"].T,
        "out_bias": state["out.bias"],
    }
    for n in range(len(KERNELS)):
        arrays[f"conv{n}"] = state[f"convs.{n}.weight"].transpose(2, 1, 0)
        arrays[f"bias{n}"] = state[f"convs.{n}.bias"]
        arrays[f"gain{n}"] = state[f"norms.{n}.weight"]
        arrays[f"shift{n}"] = state[f"norms.{n}.bias"]
    packed: dict[str, Any] = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    np.savez_compressed(path, **packed)


def _tags(places: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int, str]]) -> list[int]:
    tags = [0] * len(places)
    for start, end, label in spans:
        inside = [n for n, (a, b) in enumerate(places) if a < end and b > start]
        for n in inside:
            tags[n] = 2 * LABELS.index(label) + (1 if n == inside[0] else 2)
    return tags


def _tensors(
    group: Sequence[Case], known: Mapping[str, int], lists: Mapping[int, int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    types = {word: n for n, word in enumerate(dict.fromkeys(word for case in group for word in case.words), 1)}
    rows = np.concatenate([np.zeros((1, WIDTH), dtype=np.int32), spelling_matrix(list(types), known, lists)])
    longest = max(len(case.words) for case in group)
    places = np.zeros((len(group), longest), dtype=np.int64)
    gaps = np.zeros_like(places)
    tags = np.full_like(places, -1)
    for n, case in enumerate(group):
        size = len(case.words)
        places[n, :size] = [types[word] for word in case.words]
        gaps[n, :size], tags[n, :size] = case.gaps, case.tags
    of = torch.from_numpy
    return of(rows.astype(np.int64)), of(places), of(gaps), of(tags)
