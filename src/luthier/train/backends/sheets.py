"""Rows laid out flat: no padding, and what several rows begin with stands there once.

A causal model computes the same hidden states for equal beginnings, so that a prompt shared by many rows, or by the two
answers of a preference pair, is computed once, exactly: gradients of all its readers add up in it. Rows become a forest
of pieces; a piece sees itself and the pieces before it on its row's path, never another row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from luthier.train.backends.encode import Encoded

Ids = NDArray[np.int64]

LEAST_SAVED = 24
"""Tokens that a shared beginning must save; a piece more costs about as much attention as so many tokens of layers."""
BUCKET_SPREAD = 1.3
"""Pieces this much longer than the shortest beside them are attended to apart: less padding, more calls."""
LEAST_BUCKET_TOKENS = 512


@dataclass(frozen=True)
class Piece:
    """A stretch of tokens at `start`..`stop` of the sheet, and the pieces that stand before it, from the root on."""

    tokens: Ids
    start: int
    depth: int
    """Tokens before this piece on its path."""
    path: tuple["Piece", ...]

    @property
    def stop(self) -> int:
        """One past the last place on the sheet."""
        return self.start + len(self.tokens)

    @property
    def seen(self) -> Ids:
        """Places of the path's tokens and its own, in reading order."""
        return np.concatenate([np.arange(piece.start, piece.stop) for piece in (*self.path, self)])


@dataclass(frozen=True)
class Group:
    """Pieces whose attention is one call: padded on the right, each a line of queries and a line of keys."""

    queries: torch.Tensor
    """Places on the sheet, shape [pieces, longest]; padding points at place 0."""
    keys: torch.Tensor
    """Places on the sheet, shape [pieces, longest path]."""
    depths: torch.Tensor
    """Tokens before each piece, shape [pieces]."""
    is_root: bool
    masks: dict[tuple[int | None, torch.dtype], torch.Tensor | None] = field(default_factory=dict)

    def mask(self, window: int | None, dtype: torch.dtype) -> torch.Tensor | None:
        """What to add to the scores, shape [pieces, 1, queries, keys]; None where plain causality says it all."""
        if window is not None and window >= self.keys.shape[1]:
            window = None
        if (window, dtype) not in self.masks:
            self.masks[window, dtype] = self._mask(window, dtype)
        return self.masks[window, dtype]

    def _mask(self, window: int | None, dtype: torch.dtype) -> torch.Tensor | None:
        if self.is_root and window is None:
            return None
        device = self.queries.device
        at = self.depths[:, None, None] + torch.arange(self.queries.shape[1], device=device)[None, :, None]
        key = torch.arange(self.keys.shape[1], device=device)[None, None, :]
        visible = key <= at
        if window is not None:
            visible = visible & (at - key < window)
        hidden = torch.zeros(visible.shape, dtype=dtype, device=device)
        return hidden.masked_fill_(~visible, torch.finfo(dtype).min)[:, None]


@dataclass(frozen=True)
class Sheet:
    """Rows ready to be scored in one pass."""

    tokens: torch.Tensor
    """Shape [1, places]."""
    positions: torch.Tensor
    """Each token's position in its rows, shape [1, places]."""
    groups: tuple[Group, ...]
    lines: torch.Tensor
    """Where each place stands in the groups' queries laid end to end, shape [places]."""
    picks: torch.Tensor
    """Places after which some row has a target, each once, ascending."""
    of_pick: torch.Tensor
    """For each target the index of its pick, shape [targets]."""
    wanted: torch.Tensor
    """The target tokens."""
    row: torch.Tensor
    """The row of each target."""
    rows: int


def lay_out(rows: Sequence[Encoded], device: torch.device, *, shares: bool = True) -> Sheet:
    """The sheet of `rows`; without `shares` every row keeps its own copy of what it begins with."""
    pieces, leaves = forest([row.ids for row in rows], LEAST_SAVED if shares else None)
    groups, lines = _groups(pieces, device)
    before, wanted, of_row = _targets(rows, leaves)
    picks, of_pick = np.unique(before, return_inverse=True)

    def put(values: Ids) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    positions = np.concatenate([np.arange(piece.depth, piece.depth + len(piece.tokens)) for piece in pieces])
    tokens = np.concatenate([piece.tokens for piece in pieces])
    return Sheet(
        tokens=put(tokens)[None], positions=put(positions)[None], groups=groups, lines=put(lines), picks=put(picks),
        of_pick=put(of_pick), wanted=put(wanted), row=put(of_row), rows=len(rows),
    )  # fmt: skip


def forest(rows: Sequence[Ids], least_saved: int | None) -> tuple[list[Piece], list[Piece]]:
    """All pieces in the order of their places, and the piece in which each row ends; None shares nothing."""
    order = sorted(range(len(rows)), key=lambda at: rows[at].tobytes())
    common = [0, *(common_start(rows[a], rows[b]) for a, b in pairwise(order))]
    pieces: list[Piece] = []
    leaves: dict[int, Piece] = {}
    stack: list[tuple[int, int, tuple[Piece, ...]]] = [(0, len(rows), ())]
    while stack:
        first, last, path = stack.pop()
        depth = path[-1].depth + len(path[-1].tokens) if path else 0
        if last - first == 1:
            leaves[order[first]] = _grown(pieces, path, rows[order[first]][depth:])
            continue
        shared = min(common[first + 1 : last])
        if least_saved is not None and (shared - depth) * (last - first - 1) >= least_saved:
            path = (*path, _grown(pieces, path, rows[order[first]][depth:shared]))
        cuts = [at for at in range(first + 1, last) if common[at] == shared or least_saved is None]
        stack += [(a, b, path) for a, b in zip([first, *cuts], [*cuts, last], strict=True)][::-1]
    return pieces, [leaves[at] for at in range(len(rows))]


def common_start(one: Ids, other: Ids) -> int:
    """How many tokens both begin with."""
    shorter = min(len(one), len(other))
    differs = one[:shorter] != other[:shorter]
    return int(differs.argmax()) if differs.any() else shorter


def _grown(pieces: list[Piece], path: tuple[Piece, ...], tokens: Ids) -> Piece:
    """The new last piece of a path; a row that ends where others go on needs none."""
    if not len(tokens) and path:
        return path[-1]
    start = pieces[-1].stop if pieces else 0
    depth = path[-1].depth + len(path[-1].tokens) if path else 0
    pieces.append(Piece(tokens, start, depth, path))
    return pieces[-1]


def _targets(rows: Sequence[Encoded], leaves: Sequence[Piece]) -> tuple[Ids, Ids, Ids]:
    """For every target: the place before it, the token, the row."""
    before, wanted, of_row = [], [], []
    for at, (row, leaf) in enumerate(zip(rows, leaves, strict=True)):
        targets = row.targets
        before.append(leaf.seen[targets - 1])
        wanted.append(row.ids[targets])
        of_row.append(np.full(len(targets), at))
    return np.concatenate(before), np.concatenate(wanted), np.concatenate(of_row)


def _groups(pieces: Sequence[Piece], device: torch.device) -> tuple[tuple[Group, ...], Ids]:
    lines = np.empty(pieces[-1].stop, dtype=np.int64)
    groups, laid = [], 0
    for bucket in _buckets(pieces):
        queries = _padded([np.arange(piece.start, piece.stop) for piece in bucket])
        keys = _padded([piece.seen for piece in bucket])
        for at, piece in enumerate(bucket):
            lines[piece.start : piece.stop] = laid + at * queries.shape[1] + np.arange(len(piece.tokens))
        laid += queries.size
        depths = np.array([piece.depth for piece in bucket])
        on_device = (torch.from_numpy(values).to(device) for values in (queries, keys, depths))
        asks, sees, starts = on_device
        groups.append(Group(asks, sees, starts, is_root=not depths.any()))
    return tuple(groups), lines


def _buckets(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces of like length together, those at the root apart from the rest."""
    buckets: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.depth > 0, len(piece.tokens))):
        last = buckets[-1] if buckets else []
        fits = last and (last[0].depth > 0) == (piece.depth > 0)
        is_alike = last and len(piece.tokens) <= BUCKET_SPREAD * len(last[0].tokens)
        if fits and (is_alike or sum(len(one.tokens) for one in last) < LEAST_BUCKET_TOKENS):
            last.append(piece)
        else:
            buckets.append([piece])
    return buckets


def _padded(lines: Sequence[Ids]) -> Ids:
    padded = np.zeros((len(lines), max(len(line) for line in lines)), dtype=np.int64)
    for at, line in enumerate(lines):
        padded[at, : len(line)] = line
    return padded
