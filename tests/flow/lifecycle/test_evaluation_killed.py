"""An evaluation at an endpoint that charges, killed half-way: the next one pays for the other half only."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.flow.lifecycle.play import BEGINNING, Project

ROWS, BEFORE_THE_KILL = 12, 5
YAML = """
project: killed
charter: {{problem: Repeat what is asked., kpis: [{{name: exact_match, target: "> 0.5", owner: us}}]}}
models:
  remote: {{engine: openai, id: m, base_url: "http://127.0.0.1:{port}/v1", concurrency: 1, max_attempts: 1}}
data: {{sources: [{{path: rows.jsonl, format: chat, lawful_basis: contract}}]}}
variants:
  prompt: {{model: remote, prompt: prompt.md}}
evaluation:
  benchmarks:
    - {{name: echo, dataset: rows.jsonl, metrics: [exact_match], stratify_by: [kind]}}
"""


class Endpoint(ThreadingHTTPServer):
    """Answers with the question, counts what it was asked, and stops at the line until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.reached, self.may_go_on = threading.Event(), threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = body["messages"][-1]["content"]
        if sum(self.server.asked.values()) == BEFORE_THE_KILL and not self.server.may_go_on.is_set():
            self.server.reached.set()
            self.server.may_go_on.wait(60)
            return
        self.server.asked[said] += 1
        reply = json.dumps({"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.may_go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project(endpoint: Endpoint, tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    talks = [[{"role": role, "content": f"word {n}"} for role in ("user", "assistant")] for n in range(ROWS)]
    rows = [{"messages": talk, "kind": "ab"[n % 2]} for n, talk in enumerate(talks)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "prompt.md").write_text("Repeat.\n")
    (folder / "luthier.yaml").write_text(YAML.format(port=endpoint.server_port))
    (folder / "keys.json").write_text("{}")
    made = Project(folder)
    made.set_clock(BEGINNING)
    return made


def test_a_killed_evaluation_asks_each_row_once_and_ends_as_if_nothing_had_happened(
    project: Project, endpoint: Endpoint
) -> None:
    process = project.spawned("evaluate", "run", "prompt")
    assert endpoint.reached.wait(120), process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [log] = (project.home / "work" / "answers").iterdir()
    assert len(log.read_bytes().splitlines()) == BEFORE_THE_KILL
    endpoint.may_go_on.set()
    again = project.luthier("evaluate", "run", "prompt", "--json")
    assert again.code == 0, again.err
    assert endpoint.asked == {f"word {n}": 1 for n in range(ROWS)}
    report = json.loads(again.out)
    assert (report["overall"]["exact_match"]["hits"], report["overall"]["exact_match"]["n"]) == (ROWS, ROWS)
    assert list((project.home / "work" / "answers").iterdir()) == []
