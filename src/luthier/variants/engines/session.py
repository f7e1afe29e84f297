"""A running batch: requests join and leave between two tokens, and no row waits for another to finish."""

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

import torch
from torch import Tensor

from luthier.domain.answers import Answer, FinishReason
from luthier.domain.money import TokenPrice
from luthier.errors import NotFound, UserError
from luthier.variants.engines.adapters import AdapterRack
from luthier.variants.engines.base import EngineRequest, Piece
from luthier.variants.engines.loading import LoadedModel
from luthier.variants.engines.prefixes import Prefix, PrefixStore
from luthier.variants.engines.slots import SlotCache
from luthier.variants.engines.texts import TextStream, prompt_ids, text_of

PROMPT_TOKENS_AT_ONCE = 2_048
PROMPTS_AT_ONCE = 8


@dataclass
class _Row:
    """One request in the batch."""

    ticket: int
    request: EngineRequest
    prompt: list[int]
    most: int
    stream: TextStream | None
    streams: bool
    random: Random
    wants_logprobs: bool
    began: float = 0.0
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class Session:
    """Takes requests at any time; each `step` reads waiting prompts into free slots and adds a token to every row.

    One thread at a time. Greedy answers do not depend on who else is in the batch, and sampled ones depend on the
    request's seed alone: every row draws from its own source. Sessions that share `tickets` never give one twice.
    """

    def __init__(
        self, loaded: LoadedModel, rack: AdapterRack, *, most_rows: int, price: TokenPrice,
        tickets: Iterator[int] | None = None,
    ) -> None:  # fmt: skip
        self._loaded = loaded
        self._rack = rack
        self._most_rows = most_rows
        self._price = price
        self._cache = SlotCache(loaded.layers)
        self._prefixes = PrefixStore()
        self._waiting: deque[_Row] = deque()
        self._running: list[_Row] = []
        self._refused: list[Piece] = []
        self._tickets = tickets or count(1)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, runs or has news."""
        return not (self._waiting or self._running or self._refused)

    def add(self, request: EngineRequest, *, streams: bool = False, wants_logprobs: bool = False) -> int:
        """The ticket under which news of the request will come; a request that cannot be answered is news too."""
        ticket = next(self._tickets)
        try:
            row = self._row(ticket, request, streams=streams, wants_logprobs=wants_logprobs)
        except (UserError, NotFound) as fault:
            answer = Answer(text=None, finish_reason="error", error=fault.message)
            self._refused.append(Piece(ticket, answer=answer, fault=fault))
        else:
            self._waiting.append(row)
        return ticket

    @torch.inference_mode()
    def cancel(self, ticket: int) -> None:
        """Forgets a request; there will be no more news of it."""
        self._waiting = deque(row for row in self._waiting if row.ticket != ticket)
        self._drop([place for place, row in enumerate(self._running) if row.ticket == ticket])

    def adapters_in_use(self) -> set[str | None]:
        """The adapters of every request that waits or runs."""
        return {row.request.adapter for row in (*self._waiting, *self._running)}

    @torch.inference_mode()
    def step(self) -> list[Piece]:
        """News after one more token for every running row."""
        news, self._refused = self._refused, []
        while group := self._next_prompts():
            self._take(self._read(group), group)
            self._running += group
        if not news and not self._running:
            return []
        news += self._settle()
        if self._running:
            self._take(self._advance(), self._running)
            news += self._settle()
        return news

    def _row(self, ticket: int, request: EngineRequest, *, streams: bool, wants_logprobs: bool) -> _Row:
        if request.adapter is not None and request.adapter not in self._rack.names:
            raise NotFound(f"no adapter is loaded as {request.adapter!r}")
        tokenizer, decoding = self._loaded.tokenizer, request.decoding
        if request.text is None:
            prompt = prompt_ids(tokenizer, request.messages)
        else:
            prompt = list(tokenizer.encode(request.text))
        room = self._loaded.context_tokens - len(prompt)
        if not prompt or room < 1:
            raise TooLong(len(prompt), self._loaded.context_tokens)
        stream = TextStream(tokenizer, decoding.stop) if streams or decoding.stop else None
        return _Row(
            ticket=ticket, request=request, prompt=prompt, most=min(decoding.max_tokens, room), stream=stream,
            streams=streams, random=Random(decoding.seed), wants_logprobs=wants_logprobs,
        )  # fmt: skip

    def _next_prompts(self) -> list[_Row]:
        """Waiting rows to read in one pass; rows join in groups, since each joining makes the others wait."""
        free = self._most_rows - len(self._running)
        wanted = min(len(self._waiting), max(1, self._most_rows // 4))
        if not self._waiting or (self._running and free < wanted):
            return []
        group: list[_Row] = []
        longest = 0
        while self._waiting and len(group) < min(free, PROMPTS_AT_ONCE):
            longest = max(longest, len(self._waiting[0].prompt))
            is_too_much = longest * (len(group) + 1) > PROMPT_TOKENS_AT_ONCE
            if group and (is_too_much or self._waiting[0].request.adapter != group[0].request.adapter):
                break
            group.append(self._waiting.popleft())
        return group

    def _read(self, group: Sequence[_Row]) -> Tensor:
        """Logits after each prompt, shape [rows, vocabulary]; a beginning that was read before is not read again."""
        began = time.perf_counter()
        for row in group:
            row.began = began
        adapter = self._rack.version_of(group[0].request.adapter)
        prefix = self._prefixes.longest(adapter, [row.prompt for row in group])
        known = len(prefix.tokens) if prefix else 0
        self._cache.begin_prompts([len(row.prompt) for row in group], prefix.states if prefix else ())
        logits = self._read_rest(group, known)
        first = len(group[0].prompt)
        if known * 2 < first:
            states = self._cache.states_of(self._cache.rows - len(group))
            self._prefixes.keep(Prefix(adapter, tuple(group[0].prompt), states))
        return logits

    def _read_rest(self, group: Sequence[_Row], known: int) -> Tensor:
        """Logits after each prompt, whose first `known` tokens lie in the cache."""
        rests = [row.prompt[known:] for row in group]
        longest = max(len(rest) for rest in rests)
        ids = torch.tensor([rest + [0] * (longest - len(rest)) for rest in rests], device=self._loaded.device)
        ends = sorted({len(rest) - 1 for rest in rests})
        positions = torch.arange(known, known + longest, device=ids.device)
        logits = self._forward(
            group, input_ids=ids, position_ids=positions[None].expand_as(ids),
            logits_to_keep=torch.tensor(ends, device=ids.device), **self._mask_behind(known, positions),
        )  # fmt: skip
        picked = torch.tensor([ends.index(len(rest) - 1) for rest in rests], device=ids.device)
        return logits[torch.arange(len(group), device=ids.device), picked]

    def _mask_behind(self, known: int, positions: Tensor) -> dict[str, Tensor]:
        """Which positions each new token sees; where nothing is known the model's own causal mask does."""
        if known == 0:
            return {}
        seen = torch.arange(known + len(positions), device=positions.device)[None] <= positions[:, None]
        return {"attention_mask": self._as_mask(seen)[None, None]}

    def _advance(self) -> Tensor:
        """Logits after the newest token of every running row, shape [rows, vocabulary]."""
        ids = torch.tensor([[row.tokens[-1]] for row in self._running], device=self._loaded.device)
        positions = self._cache.begin_step(ids.device)
        seen = torch.arange(max(self._cache.lengths), device=ids.device)[None] <= positions[:, None]
        mask = self._as_mask(seen)[:, None, None]
        return self._forward(self._running, input_ids=ids, position_ids=positions[:, None], attention_mask=mask)[:, -1]

    def _as_mask(self, seen: Tensor) -> Tensor:
        dtype = self._loaded.model.dtype
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, torch.finfo(dtype).min)

    def _forward(self, rows: Sequence[_Row], **inputs: Tensor) -> Tensor:
        adapters = [row.request.adapter for row in rows]
        output = self._rack.forward(adapters, past_key_values=self._cache, use_cache=True, **inputs)
        logits: Tensor = output.logits
        return logits.float()

    def _take(self, logits: Tensor, rows: Sequence[_Row]) -> None:
        """Adds to each row the token its decoding chooses."""
        likeliest = logits.argmax(dim=-1).tolist()
        for place, (row, token) in enumerate(zip(rows, likeliest, strict=True)):
            temperature = row.request.decoding.temperature
            chosen = token if temperature == 0 else _drawn(logits[place], temperature, row.random)
            row.tokens.append(chosen)
            if row.wants_logprobs:
                row.logprobs.append(float(torch.log_softmax(logits[place], dim=-1)[chosen]))
            if row.stream is not None and chosen not in self._loaded.end_tokens:
                row.stream.push(chosen)

    def _settle(self) -> list[Piece]:
        """News of rows that streamed or finished; the finished leave the batch."""
        finished: list[int] = []
        news: list[Piece] = []
        for place, row in enumerate(self._running):
            reason = self._finish_reason(row)
            if reason is not None:
                finished.append(place)
                news.append(self._finished(row, reason))
            elif row.streams and row.stream is not None and (fresh := row.stream.unsent(is_last=False)):
                news.append(Piece(row.ticket, text=fresh))
        self._drop(finished)
        return news

    def _finish_reason(self, row: _Row) -> FinishReason | None:
        if row.tokens[-1] in self._loaded.end_tokens or (row.stream is not None and row.stream.is_stopped):
            return "stop"
        return "length" if len(row.tokens) >= row.most else None

    def _finished(self, row: _Row, reason: FinishReason) -> Piece:
        said = row.tokens[:-1] if row.tokens[-1] in self._loaded.end_tokens else row.tokens
        if row.stream is not None:
            row.stream.close()
        answer = Answer(
            text=row.stream.text if row.stream is not None else text_of(self._loaded.tokenizer, said),
            finish_reason=reason,
            prompt_tokens=len(row.prompt),
            completion_tokens=len(row.tokens),
            latency_seconds=time.perf_counter() - row.began,
            cost=self._price.of(len(row.prompt), len(row.tokens)),
        )
        fresh = row.stream.unsent(is_last=True) if row.streams and row.stream is not None else ""
        return Piece(
            row.ticket, text=fresh, answer=answer, token_ids=tuple(said), logprobs=tuple(row.logprobs[: len(said)])
        )

    def _drop(self, places: Sequence[int]) -> None:
        if places:
            order = self._cache.drop(places)
            self._running = [self._running[place] for place in order]


class TooLong(UserError):
    """A prompt leaves no room for an answer; it is refused rather than cut."""

    code = "context_length_exceeded"
    http_status = 400

    def __init__(self, tokens: int, context_tokens: int) -> None:
        super().__init__(
            f"the prompt has {tokens:,} tokens and this model reads fewer than {context_tokens:,}",
            hint="shorten the prompt, show fewer examples or passages",
        )


def _drawn(logits: Tensor, temperature: float, random: Random) -> int:
    """A token drawn by inverting the distribution function at one number of the row's own source."""
    shares = torch.softmax(logits.double() / temperature, dim=-1).cumsum(dim=-1)
    point = min(random.random() * float(shares[-1]), math.nextafter(float(shares[-1]), 0.0))
    return int(torch.searchsorted(shares, torch.tensor(point, dtype=shares.dtype, device=shares.device), right=True))
