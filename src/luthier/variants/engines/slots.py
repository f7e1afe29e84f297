"""Keys and values of a batch whose rows come, grow and go on their own."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from luthier.variants.engines.prefixes import LayerStates

_GRAIN = 64


class SlotCache(Cache):
    """One slot per row, filled from the left; a row's padding lies behind its last token and is never attended to.

    That prompts of unequal length are padded on the right means that causal attention needs no mask to read them, and
    that a row keeps its place while others grow: nothing is concatenated or shifted.
    """

    def __init__(self, layers: int) -> None:
        self.rows = 0
        self.lengths: list[int] = []
        self._layers = [_SlotLayer(self, index) for index in range(layers)]
        self.reading_from: int | None = None
        self.prefix: Sequence[LayerStates] = ()
        self.places = torch.zeros(0, dtype=torch.long)
        self.positions = torch.zeros(0, dtype=torch.long)
        super().__init__(layers=list(self._layers))

    def begin_prompts(self, lengths: Sequence[int], prefix: Sequence[LayerStates] = ()) -> None:
        """The next forward pass reads prompts of these lengths into new slots, all but the `prefix` they begin with."""
        self.reading_from = self.rows
        self.prefix = prefix
        self.rows += len(lengths)
        self.lengths += lengths

    def begin_step(self, device: torch.device) -> Tensor:
        """The next forward pass appends one token to every row; returns the position of each, shape [rows]."""
        self.reading_from = None
        self.places = torch.arange(self.rows, device=device)
        self.positions = torch.tensor(self.lengths, device=device)
        self.lengths = [length + 1 for length in self.lengths]
        return self.positions

    def states_of(self, slot: int) -> tuple[LayerStates, ...]:
        """A copy of what a slot holds, layer by layer."""
        return tuple(layer.copied(slot, self.lengths[slot]) for layer in self._layers)

    def drop(self, finished: Sequence[int]) -> list[int]:
        """Frees slots; returns, for each slot that is left, the slot its row had before."""
        kept = self.rows - len(finished)
        gone = set(finished)
        order = list(range(kept))
        movers = [slot for slot in range(kept, self.rows) if slot not in gone]
        holes = [slot for slot in finished if slot < kept]
        for hole, mover in zip(holes, movers, strict=True):
            order[hole] = mover
        if holes:
            for layer in self._layers:
                layer.move(movers, holes)
        self.lengths = [self.lengths[slot] for slot in order]
        self.rows = kept
        return order


class _SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]  # transformers is partly typed
    """The slots of one layer, as tensors of shape [slots, heads, positions, head size]."""

    is_sliding = False

    def __init__(self, slots: SlotCache, index: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # transformers is partly typed
        self._slots = slots
        self._index = index
        self._held: tuple[Tensor, Tensor] | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        known = self._slots.prefix[self._index][0].shape[2] if self._slots.prefix else 0
        rows, longest = self._slots.rows, max(*self._slots.lengths, known + key_states.shape[2])
        keys, values = self._held or (None, None)
        self._held = _roomy(keys, rows, longest, key_states), _roomy(values, rows, longest, value_states)

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        self.lazy_initialization(key_states, value_states)
        held = self._held or ()
        if self._slots.reading_from is not None:
            return self._read(held, (key_states, value_states), self._slots.reading_from)
        slots = self._slots
        for all_, states in zip(held, (key_states, value_states), strict=True):
            all_[slots.places, :, slots.positions] = states[:, :, 0]
        keys, values = (all_[: slots.rows, :, : max(slots.lengths)] for all_ in held)
        return keys, values

    def _read(self, held: Sequence[Tensor], states: LayerStates, start: int) -> LayerStates:
        """Prompts into new slots, behind the prefix they share; without one they attend to nothing but themselves."""
        slots = self._slots
        prefix = slots.prefix[self._index] if slots.prefix else ()
        known = prefix[0].shape[2] if prefix else 0
        for place, (all_, new) in enumerate(zip(held, states, strict=True)):
            all_[start : slots.rows, :, known : known + new.shape[2]] = new
            if prefix:
                all_[start : slots.rows, :, :known] = prefix[place]
        if not prefix:
            return states
        keys, values = (all_[start : slots.rows, :, : known + states[0].shape[2]] for all_ in held)
        return keys, values

    def copied(self, slot: int, length: int) -> LayerStates:
        """The slot's first positions."""
        keys, values = (all_[slot : slot + 1, :, :length].clone() for all_ in self._held or ())
        return keys, values

    def move(self, sources: list[int], targets: list[int]) -> None:
        for held in self._held or ():
            held[targets] = held[sources]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return -1


def _roomy(held: Tensor | None, rows: int, length: int, like: Tensor) -> Tensor:
    """The same tensor, or a larger one with the same content, with room for `rows` of `length`."""
    if held is not None and held.shape[0] >= rows and held.shape[2] >= length:
        return held
    _, heads, _, size = like.shape
    old_rows, old_length = (held.shape[0], held.shape[2]) if held is not None else (0, 0)
    rows = max(old_rows, 1 << (rows - 1).bit_length())
    length = max(old_length, -(-length // _GRAIN) * _GRAIN)
    grown = like.new_zeros(rows, heads, length, size)
    if held is not None:
        grown[:old_rows, :, :old_length] = held
    return grown
