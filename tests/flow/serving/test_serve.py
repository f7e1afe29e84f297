"""A served project under the official client, the kill switch, a drill, and `kill -9` of its processes."""

import os
import signal
import threading
from collections.abc import Iterator

import httpx
import openai
import pytest

from luthier.lifecycle.rollouts import DRILLS
from luthier.lifecycle.serving.shipping import ship
from tests.flow.lifecycle.play import APPLICATION, OPERATOR
from tests.flow.lifecycle.stages import Stages
from tests.flow.serving.served import Served, serving, until

TUNED, PROMPT = "crm-small-2", "crm-small-1"
QUESTION = [{"role": "user", "content": "Please book a call with Harbour Mills on Monday."}]


@pytest.fixture(scope="module")
def served(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The project with its tuned release answering everybody; every test leaves it so."""
    project = stages.copy("completed", tmp_path_factory.mktemp("served") / "project")
    with serving(project) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    key = served.project.keys[APPLICATION]
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_the_official_client_gets_an_answer_with_its_usage(client: openai.OpenAI) -> None:
    said = client.chat.completions.create(model="crm-small", messages=QUESTION)
    assert said.choices[0].message.content
    assert said.choices[0].finish_reason in {"stop", "length"}
    assert said.usage is not None
    assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens > 0


def test_a_stream_gives_the_text_that_a_whole_answer_gives(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="crm-small", messages=QUESTION)
    chunks = list(client.chat.completions.create(model="crm-small", messages=QUESTION, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 2


def test_an_unknown_model_is_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="'gpt-9' does not exist"):
        client.chat.completions.create(model="gpt-9", messages=QUESTION)


def test_a_bad_key_is_401(served: Served) -> None:
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="luthier_" + "A" * 43, max_retries=0)
    with client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="crm-small", messages=QUESTION)


def test_the_only_model_is_the_project(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["crm-small"]


def test_from_a_response_id_one_finds_the_release_and_its_adapter(served: Served) -> None:
    answer = served.ask()
    with served.project.opened() as work:
        ship(work)
        [kept] = [row for row in work.store.interactions.query() if row.id == answer.json()["id"]]
        assert kept.release_id == served.release_of(answer) == TUNED
        assert work.store.releases.get(kept.release_id).variant == "tuned_rag"


def test_the_kill_switch_sends_everybody_to_the_baseline_until_it_is_put_back(served: Served) -> None:
    pulled = served.project.luthier("rollout", "kill", "--reason", "a rehearsal", by=OPERATOR)
    assert pulled.code == 0, pulled.err
    served.until_answered_by(PROMPT)
    after = {served.release_of(served.ask(user=f"rep-{number}")) for number in range(12)}
    assert after == {PROMPT}
    refused = served.project.luthier("rollout", "drill", by=OPERATOR)
    assert refused.code == 3
    assert served.project.luthier("rollout", "resume", "--reason", "over", by=OPERATOR).code == 0
    served.until_answered_by(TUNED)


def test_a_drill_is_recorded_with_its_seconds_and_drops_nobody_s_request(served: Served) -> None:
    stop, codes = threading.Event(), list[int]()

    def keep_asking() -> None:
        while not stop.is_set():
            codes.append(served.ask(user="rep-9").status_code)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    drilled = served.project.luthier("rollout", "drill", "--json", by=OPERATOR)
    stop.set()
    asking.join()
    assert drilled.code == 0, drilled.err
    assert set(codes) == {200}
    with served.project.opened() as work:
        found = work.store.events.read(DRILLS)[-1].payload
        assert work.store.audit.entries()[-1].action == "rollout.drill"
    assert isinstance(found, dict)
    assert (found["release"], found["previous"], found["dropped"]) == (TUNED, PROMPT, 0)
    assert float(str(found["seconds_back"])) > 0
    assert float(str(found["seconds_forward"])) > 0
    served.until_answered_by(TUNED)


def test_a_killed_engine_is_started_again_and_nobody_waits_for_it_in_vain(served: Served) -> None:
    engine = served.child("engine")
    assert engine is not None
    os.kill(engine, signal.SIGKILL)
    seen: list[httpx.Response] = []

    def is_back() -> bool:
        seen.append(served.ask())
        return served.release_of(seen[-1]) == TUNED and served.child("engine") not in {None, engine}

    until(is_back, "the engine")
    assert {answer.status_code for answer in seen} <= {200, 503}
    assert all(answer.headers["retry-after"] == "1" for answer in seen if answer.status_code == 503)


def test_every_acknowledged_answer_is_kept_when_the_gateway_is_killed(served: Served) -> None:
    gateway = served.child("gateway")
    assert gateway is not None
    acknowledged: list[str] = []

    def ask_until_it_breaks(user: str) -> None:
        try:
            while (answer := served.ask(user=user)).status_code == 200:
                acknowledged.append(answer.json()["id"])
        except httpx.HTTPError:
            return

    asking = [threading.Thread(target=ask_until_it_breaks, args=(f"rep-{number}",)) for number in range(4)]
    for thread in asking:
        thread.start()
    until(lambda: len(acknowledged) >= 12, "answers")
    os.kill(gateway, signal.SIGKILL)
    for thread in asking:
        thread.join()
    with served.project.opened() as work:
        ship(work)
        kept = {row.id for row in work.store.interactions.query()}
    assert set(acknowledged) <= kept
    served.until_answered_by(TUNED)
    assert served.child("gateway") not in {None, gateway}
