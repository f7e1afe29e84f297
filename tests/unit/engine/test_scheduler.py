"""One thread, one batch: nothing is lost when requests, cancellations and bugs meet."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from luthier.domain.answers import Answer
from luthier.engine.faults import Overloaded
from luthier.engine.scheduler import Scheduler
from luthier.errors import Busy, EngineFault, MissingInput
from luthier.variants.engines.base import EngineRequest, Piece


class CountingBatch:
    """Answers each request after as many steps as its text has letters; `bug` breaks the batch."""

    def __init__(self) -> None:
        self.open: deque[tuple[int, EngineRequest, int]] = deque()
        self.tickets = 0

    @property
    def is_idle(self) -> bool:
        return not self.open

    def add(self, request: EngineRequest, *, streams: bool = False, wants_logprobs: bool = False) -> int:
        self.tickets += 1
        self.open.append((self.tickets, request, len(request.text or "")))
        return self.tickets

    def cancel(self, ticket: int) -> None:
        self.open = deque(each for each in self.open if each[0] != ticket)

    def adapters_in_use(self) -> set[str | None]:
        return {request.adapter for _, request, _ in self.open}

    def step(self) -> list[Piece]:
        if any(request.text == "bug" for _, request, _ in self.open):
            raise ZeroDivisionError
        done = [Piece(ticket, answer=Answer(text=request.text)) for ticket, request, left in self.open if left <= 1]
        self.open = deque((ticket, request, left - 1) for ticket, request, left in self.open if left > 1)
        return done


class CountingEngine:
    """An engine of counting batches."""

    context_tokens = 10

    def __init__(self) -> None:
        self.adapters: list[str] = []

    def session(self) -> CountingBatch:
        return CountingBatch()

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        return [Answer(text=each.text) for each in requests]

    def add_adapter(self, name: str, folder: Path) -> None:
        if folder.name == "nothing":
            raise MissingInput("not there")
        if folder.name == "bug":
            raise ZeroDivisionError
        self.adapters.append(name)

    def remove_adapter(self, name: str) -> None:
        self.adapters.remove(name)

    def token_text(self, token_id: int) -> str:
        return str(token_id)


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    scheduler = Scheduler(CountingEngine(), most_requests=50)
    scheduler.start()
    yield scheduler
    scheduler.stop(timeout_seconds=30)
    assert not scheduler.is_alive


def ask(scheduler: Scheduler, text: str) -> Piece:
    news: SimpleQueue[Piece] = SimpleQueue()
    scheduler.submit(EngineRequest(text=text), news.put)
    return news.get(timeout=30)


def test_each_of_many_threads_gets_its_own_answer(scheduler: Scheduler) -> None:
    texts = ["x" * (1 + place % 7) + str(place) for place in range(200)]
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda text: ask(scheduler, text).answer, texts))
    assert [answer.text for answer in found if answer] == texts


def test_too_many_open_requests_are_told_to_come_back() -> None:
    stopped = Scheduler(CountingEngine(), most_requests=2)
    for _ in range(2):
        stopped.submit(EngineRequest(text="a"), lambda _piece: None)
    with pytest.raises(Overloaded):
        stopped.submit(EngineRequest(text="a"), lambda _piece: None)


def test_a_cancelled_request_makes_room_and_no_news() -> None:
    heard: list[Piece] = []
    scheduler = Scheduler(CountingEngine(), most_requests=1)
    cancel = scheduler.submit(EngineRequest(text="x" * 5), heard.append)
    cancel()
    cancel()
    scheduler.start()
    scheduler.add_adapter("a", Path("a")).result(30)  # orders are taken in turn: the cancellations are behind us
    assert ask(scheduler, "later").answer == Answer(text="later")
    scheduler.stop(timeout_seconds=30)
    assert heard == []


def test_a_bug_fails_what_was_open_and_the_next_request_is_answered(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    fault = ask(scheduler, "bug").fault
    assert isinstance(fault, EngineFault)
    assert "error id" in str(fault)
    assert str(fault).split()[-1] in caplog.text
    assert ask(scheduler, "ok").answer == Answer(text="ok")


def test_adapters_come_and_go_between_tokens(scheduler: Scheduler) -> None:
    scheduler.add_adapter("a", Path("a")).result(30)
    with pytest.raises(MissingInput):
        scheduler.add_adapter("b", Path("nothing")).result(30)
    with pytest.raises(EngineFault):
        scheduler.add_adapter("b", Path("bug")).result(30)
    scheduler.remove_adapter("a").result(30)


def test_an_adapter_in_use_stays() -> None:
    scheduler = Scheduler(CountingEngine())
    added = scheduler.add_adapter("a", Path("a"))
    scheduler.submit(EngineRequest(text="xxxx", adapter="a"), lambda _piece: None)
    removed = scheduler.remove_adapter("a")
    scheduler.start()
    added.result(30)
    with pytest.raises(Busy, match="'a'"):
        removed.result(30)
    scheduler.stop(timeout_seconds=30)


def test_what_was_accepted_is_answered_before_the_end() -> None:
    heard: list[Piece] = []
    scheduler = Scheduler(CountingEngine())
    for size in (3, 9, 6):
        scheduler.submit(EngineRequest(text="x" * size), heard.append)
    scheduler.start()
    scheduler.stop(timeout_seconds=30)
    assert {piece.answer.text for piece in heard if piece.answer} == {"x" * 3, "x" * 9, "x" * 6}
