"""Tuning at a provider over real HTTP: what it is told, what comes back, and that nothing is paid for twice."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from luthier.domain.examples import Message
from luthier.domain.runs import CurvePoint
from luthier.errors import EmptySample, EngineFault, Refused, UserError
from luthier.train.backend_config import HostedBackend
from luthier.train.config import TrainConfig
from luthier.train.hosted.api import FineTuningApi
from luthier.train.hosted.lines import preference_file
from luthier.train.hosted.stage import run
from luthier.train.hosted.types import HostedOutcome
from luthier.train.types import Conversation, PreferencePair
from tests.flow.train.hosted_server import KEY, MODELS, Provider, check_lines


def conversation(id_: str, asked: str, answer: str, *, before: tuple[Message, ...] = ()) -> Conversation:
    turns = (*before, Message(role="user", content=asked), Message(role="assistant", content=answer))
    return Conversation(id=id_, messages=turns)


TRAIN = [conversation(f"train {number}", f"please call {number}", f"phone {number}") for number in range(12)]
VALIDATION = [conversation(f"held out {number}", f"send {number}", f"mail {number}") for number in range(10)]


class Killed(BaseException):
    """The process ends here and runs no handler that a kill would not run."""


class KilledAt(httpx.HTTPTransport):
    """Ends the process before or after one request, counted from 0."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        super().__init__()
        self.at, self.after, self.asked = at, after, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        place, self.asked = self.asked, self.asked + 1
        if place == self.at and not self.after:
            raise Killed
        response = super().handle_request(request)
        if place == self.at:
            response.read()
            raise Killed
        return response


@dataclass
class FakePorts:
    """A clock that sleeping moves."""

    checkpoints: Path
    now: float = 0.0
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def monotonic_seconds(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        pass

    def say(self, text: str) -> None:
        self.said.append(text)


class Switchboard:
    """One listening server whose provider a test may exchange."""

    def __init__(self) -> None:
        self.provider = Provider()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.provider.app()(scope, receive, send)


@contextmanager
def listening(app: Any) -> Iterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    listens = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            listens.set()

    server = Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    assert listens.wait(60)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def board() -> Iterator[tuple[Switchboard, str]]:
    switchboard = Switchboard()
    with listening(switchboard) as url:
        yield switchboard, url


@pytest.fixture
def provider(board: tuple[Switchboard, str]) -> Provider:
    board[0].provider = Provider()
    return board[0].provider


@pytest.fixture
def url(board: tuple[Switchboard, str]) -> str:
    return board[1]


def _backend(url: str, **changes: Any) -> HostedBackend:
    return HostedBackend.model_validate({"kind": "hosted", "base_url": url, "model": MODELS[0]} | changes)


def _tune(
    url: str, ports: FakePorts, config: TrainConfig | None = None, *, backend: HostedBackend | None = None,
    transport: httpx.HTTPTransport | None = None, train: Any = None, key: str = KEY,
) -> HostedOutcome:  # fmt: skip
    with httpx.Client(transport=transport, trust_env=False, timeout=60) as client:
        api = FineTuningApi(url, SecretStr(key), client, sleep=ports.sleep)
        chosen = config or TrainConfig(epochs=3)
        rows = TRAIN if train is None else train
        return run(ports, api, chosen, backend or _backend(url), train=rows, validation=VALIDATION)


def test_a_job_comes_back_as_the_best_checkpoint_with_its_curve_and_its_tokens(
    provider: Provider, url: str, tmp_path: Path
) -> None:
    found = _tune(url, FakePorts(tmp_path))
    assert found.hosted.model == f"ft:{MODELS[0]}:org::ftjob-1:ckpt-step-20"  # the lowest loss is the second epoch's
    assert (found.best_step, found.best_validation_loss) == (20, 1.0)
    assert [point.validation_loss for point in found.curve] == [1.25, 1.0, 1.25]
    assert found.trained_tokens == 12 * 100 * 3
    assert provider.charged == 1


def test_without_early_stopping_the_jobs_own_model_is_kept(provider: Provider, url: str, tmp_path: Path) -> None:
    found = _tune(url, FakePorts(tmp_path), TrainConfig(epochs=3, early_stopping=None))
    assert found.hosted.model == f"ft:{MODELS[0]}:org::ftjob-1"
    assert found.best_step == 30


def test_the_provider_is_told_settings_files_and_mark(provider: Provider, url: str, tmp_path: Path) -> None:
    backend = _backend(url, batch_size=4, learning_rate_multiplier=0.5, suffix="crm", deletes_files=False)
    found = _tune(url, FakePorts(tmp_path), TrainConfig(epochs=2, seed=9), backend=backend)
    job = provider.jobs["ftjob-1"]
    told = {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5}
    assert job["method"] == {"type": "supervised", "supervised": {"hyperparameters": told}}
    assert job["seed"] == 9
    assert job["metadata"] == {"luthier_run": found.hosted.identity}
    rows = [json.loads(line) for line in provider.contents[job["training_file"]].splitlines()]
    assert [row["messages"][-1]["content"] for row in rows] == [row.messages[-1].content for row in TRAIN]
    assert len(provider.contents[job["validation_file"]].splitlines()) == len(VALIDATION)


def test_turns_that_are_context_carry_no_weight(provider: Provider, url: str, tmp_path: Path) -> None:
    shot = (Message(role="user", content="a"), Message(role="assistant", content="b"))
    rows = [conversation(f"r{number}", "ask", f"say {number}", before=shot) for number in range(10)]
    _tune(url, FakePorts(tmp_path), backend=_backend(url, deletes_files=False), train=rows)
    first = json.loads(provider.contents["file-1"].splitlines()[0])["messages"]
    assert [turn.get("weight") for turn in first] == [None, 0, None, None]


def test_preference_pairs_are_spelt_as_the_specification_has_them() -> None:
    pairs = [
        PreferencePair(
            id=str(number), prompt=(Message(role="user", content="q"),),
            chosen=Message(role="assistant", content=f"good {number}"),
            rejected=Message(role="assistant", content="bad"),
        )
        for number in range(10)
    ]  # fmt: skip
    data = preference_file(pairs)
    check_lines(data)  # raises on anything the provider would refuse
    first = json.loads(data.splitlines()[0])
    assert first["preferred_output"] == [{"role": "assistant", "content": "good 0"}]
    assert first["input"] == {"messages": [{"role": "user", "content": "q"}]}


def test_events_are_told_once_each_and_in_order(provider: Provider, url: str, tmp_path: Path) -> None:
    ports = FakePorts(tmp_path)
    _tune(url, ports)
    told = [text for text in ports.said if text.startswith("reached")]
    assert told == ["reached validating_files", "reached queued", "reached running", "reached succeeded"]


def test_uploaded_rows_are_deleted_once_the_job_has_ended(provider: Provider, url: str, tmp_path: Path) -> None:
    _tune(url, FakePorts(tmp_path))
    assert (provider.files, provider.deleted) == ({}, ["file-1", "file-2"])


def test_the_same_run_asked_for_again_is_the_same_job(provider: Provider, url: str, tmp_path: Path) -> None:
    first = _tune(url, FakePorts(tmp_path / "one"))
    again = _tune(url, FakePorts(tmp_path / "one"))
    elsewhere = _tune(url, FakePorts(tmp_path / "another machine"))
    assert first.hosted == again.hosted == elsewhere.hosted
    assert provider.charged == 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"epochs": 2}])
def test_another_seed_or_epoch_is_another_job(
    provider: Provider, url: str, tmp_path: Path, change: dict[str, int]
) -> None:
    _tune(url, FakePorts(tmp_path))
    _tune(url, FakePorts(tmp_path), TrainConfig.model_validate({"epochs": 3} | change))
    assert provider.charged == 2


def test_how_often_it_is_looked_at_makes_no_other_job(provider: Provider, url: str, tmp_path: Path) -> None:
    ports = FakePorts(tmp_path)
    _tune(url, ports, backend=_backend(url, poll_seconds=1))
    _tune(url, ports, backend=_backend(url, poll_seconds=300, timeout_seconds=5))
    assert provider.charged == 1


def _requests_of_a_whole_run(board: tuple[Switchboard, str], tmp_path: Path) -> int:
    board[0].provider = Provider()
    counting = KilledAt()
    _tune(board[1], FakePorts(tmp_path / "whole"), transport=counting)
    return counting.asked


@pytest.mark.parametrize("keeps_metadata", [True, False], ids=["metadata kept", "metadata dropped"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_run_killed_at_any_request_is_paid_for_once(
    board: tuple[Switchboard, str], tmp_path: Path, after: bool, keeps_metadata: bool
) -> None:
    total = _requests_of_a_whole_run(board, tmp_path)
    assert total >= 10
    for at in range(total):
        board[0].provider = provider = Provider(keeps_metadata=keeps_metadata)
        with pytest.raises(Killed):
            _tune(board[1], FakePorts(tmp_path / f"{at}"), transport=KilledAt(at, after=after))
        found = _tune(board[1], FakePorts(tmp_path / f"{at}"))
        assert provider.charged == len(provider.jobs) == 1, f"killed {'after' if after else 'before'} request {at}"
        assert found.hosted.job == "ftjob-1"
        assert provider.files == {}, "rows stayed at the provider"


def test_a_run_killed_at_any_request_with_its_record_lost_is_found_by_its_mark(
    board: tuple[Switchboard, str], tmp_path: Path
) -> None:
    for at in range(_requests_of_a_whole_run(board, tmp_path)):
        board[0].provider = provider = Provider()
        with pytest.raises(Killed):
            _tune(board[1], FakePorts(tmp_path / f"{at}"), transport=KilledAt(at, after=True))
        _tune(board[1], FakePorts(tmp_path / f"{at}-another-machine"))
        assert provider.charged == len(provider.jobs) == 1


faults = st.lists(
    st.tuples(st.sampled_from(["before", "after"]), st.integers(0, 14)) | st.just(("lost", 0)), max_size=4
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults, st.integers(0, 2))
def test_no_row_of_kills_and_lost_replies_is_paid_for_twice(
    board: tuple[Switchboard, str],
    tmp_path_factory: pytest.TempPathFactory,
    planted: list[tuple[str, int]],
    hidden: int,
) -> None:
    folder = tmp_path_factory.mktemp("asked")
    board[0].provider = provider = Provider(hidden_looks=hidden)
    for what, at in planted:
        if what == "lost":
            provider.lost_replies.append("POST /fine_tuning/jobs")
        transport = KilledAt(at, after=what == "after") if what != "lost" else None
        try:
            _tune(board[1], FakePorts(folder), transport=transport)
        except Killed:
            continue
    _tune(board[1], FakePorts(folder))
    assert provider.charged == len(provider.jobs) == 1


def test_a_job_whose_reply_was_lost_is_found_though_the_list_is_slow(
    provider: Provider, url: str, tmp_path: Path
) -> None:
    provider.lost_replies = ["POST /fine_tuning/jobs"]
    provider.hidden_looks = 2
    ports = FakePorts(tmp_path)
    _tune(url, ports)
    assert provider.charged == 1
    assert ports.slept[:2] == [1.0, 1.0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_questions_are_asked_again_when_the_provider_is_busy(
    provider: Provider, url: str, tmp_path: Path, status: int
) -> None:
    provider.refused = [("GET /fine_tuning/jobs/{job}", status)] * 3
    _tune(url, FakePorts(tmp_path))
    assert provider.charged == 1
    assert provider.refused == []


def test_a_job_refused_before_the_deed_is_asked_for_again(provider: Provider, url: str, tmp_path: Path) -> None:
    provider.refused = [("POST /fine_tuning/jobs", 503)]
    _tune(url, FakePorts(tmp_path))
    assert provider.charged == 1


def test_an_upload_whose_reply_was_lost_is_found_by_the_next_run(provider: Provider, url: str, tmp_path: Path) -> None:
    provider.lost_replies = ["POST /files"]
    with pytest.raises(EngineFault):
        _tune(url, FakePorts(tmp_path))
    _tune(url, FakePorts(tmp_path))
    assert provider.deleted == ["file-1", "file-2"]


def test_a_failed_job_tells_its_code_and_not_its_message_and_the_next_run_makes_a_new_one(
    provider: Provider, url: str, tmp_path: Path
) -> None:
    provider.ends_as = "failed"
    with pytest.raises(EngineFault, match="invalid_training_file") as failed:
        _tune(url, FakePorts(tmp_path))
    assert "alice" not in failed.value.message + failed.value.hint
    provider.ends_as = "succeeded"
    assert _tune(url, FakePorts(tmp_path)).hosted.job == "ftjob-2"
    assert provider.charged == 1


def test_a_job_that_takes_too_long_is_cancelled(provider: Provider, url: str, tmp_path: Path) -> None:
    config = TrainConfig(epochs=3, time_limit_seconds=30)
    with pytest.raises(Refused, match="cancelled after 30 s"):
        _tune(url, FakePorts(tmp_path), config, backend=_backend(url, poll_seconds=40))
    assert provider.jobs["ftjob-1"]["status"] == "cancelled"


def test_a_job_that_ends_before_it_hears_of_its_cancelling_is_kept(
    provider: Provider, url: str, tmp_path: Path
) -> None:
    """The provider moves a job on after each look: at the third it says running and has ended."""
    config = TrainConfig(epochs=3, time_limit_seconds=30)
    found = _tune(url, FakePorts(tmp_path), config, backend=_backend(url, poll_seconds=20))
    assert found.hosted.job == "ftjob-1"
    assert provider.charged == 1


def test_a_job_cancelled_at_the_provider_ends_the_run(provider: Provider, url: str, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        _tune(url, FakePorts(tmp_path), transport=KilledAt(9))
    provider.jobs["ftjob-1"]["status"] = "cancelled"
    with pytest.raises(Refused, match="cancelled at the provider"):
        _tune(url, FakePorts(tmp_path))


def test_settings_no_provider_can_be_told_are_refused_by_name_before_anything_is_sent(
    provider: Provider, url: str, tmp_path: Path
) -> None:
    config = TrainConfig(epochs=1, optimizer="muon", learning_rate=0.1)
    with pytest.raises(UserError, match=r"train\.learning_rate, train\.optimizer"):
        _tune(url, FakePorts(tmp_path), config)
    with pytest.raises(EmptySample):
        _tune(url, FakePorts(tmp_path), train=[])
    assert (provider.files, provider.jobs) == ({}, {})


def test_a_wrong_key_is_refused_at_once_and_stands_in_no_message(provider: Provider, url: str, tmp_path: Path) -> None:
    ports = FakePorts(tmp_path)
    with pytest.raises(EngineFault, match="401") as refused:
        _tune(url, ports, key="sk-wrong-secret")
    assert "sk-wrong" not in str(refused.value) + refused.value.hint
    assert ports.slept == []


def test_too_few_rows_are_the_providers_refusal(provider: Provider, url: str, tmp_path: Path) -> None:
    with pytest.raises(EngineFault, match="400"):
        _tune(url, FakePorts(tmp_path), train=TRAIN[:5])
    assert provider.jobs == {}


def test_the_official_client_is_served_by_the_same_provider(provider: Provider, url: str) -> None:
    """The provider is faithful: the client that its makers wrote walks through every route of it."""
    rows = "".join(
        json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": f"{n}"}]}) + "\n"
        for n in range(12)
    )
    with openai.OpenAI(api_key=KEY, base_url=url, max_retries=0) as client:
        file = client.files.create(file=("rows.jsonl", rows.encode()), purpose="fine-tune")
        assert client.files.retrieve(file.id).bytes == len(rows.encode())
        job = client.fine_tuning.jobs.create(
            model=MODELS[0], training_file=file.id, seed=3, metadata={"who": "me"},
            method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        )  # fmt: skip
        assert [each.id for each in client.fine_tuning.jobs.list(extra_query={"metadata[who]": "me"})] == [job.id]
        seen = [client.fine_tuning.jobs.retrieve(job.id).status for _ in range(4)]
        assert seen == ["validating_files", "queued", "running", "succeeded"]
        assert client.fine_tuning.jobs.retrieve(job.id).trained_tokens == 12 * 100 * 2
        assert len(list(client.fine_tuning.jobs.list_events(job.id, limit=1))) == 4
        points = list(client.fine_tuning.jobs.checkpoints.list(job.id))
        assert [point.step_number for point in points] == [20, 10]
        with pytest.raises(openai.BadRequestError):
            client.fine_tuning.jobs.cancel(job.id)
        with pytest.raises(openai.BadRequestError, match="unknown"):
            client.fine_tuning.jobs.create(model=MODELS[0], training_file=file.id, extra_body={"unknown": 1})
        with pytest.raises(openai.NotFoundError):
            client.fine_tuning.jobs.create(model="gpt-9", training_file=file.id)
        second = client.fine_tuning.jobs.create(
            model=MODELS[1], training_file=file.id,
            method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}},
        )  # fmt: skip
        assert client.fine_tuning.jobs.cancel(second.id).status == "cancelled"
        assert client.files.delete(file.id).deleted
