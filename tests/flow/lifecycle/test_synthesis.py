"""Rows written by a model behind real HTTP: a file with provenance, a ledger entry, and no way around the reviewers."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from luthier.errors import Refused
from luthier.lifecycle.links.review import admitted_rows, queue, review_key, settle_review, state_of, submit
from luthier.lifecycle.rows import rows_of
from luthier.review.step import standing
from luthier.review.types import Overridden, Submitted
from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.test_withdrawal import CONFIG, built, project  # noqa: F401 - fixtures

ENGINE = """models:
  copy: {engine: nearest, id: copy}
  writer: {engine: openai, id: toy-writer, base_url: "URL", max_attempts: 1}
"""
TOPICS = ["swallow", "lighthouse", "violin", "glacier", "bakery", "compass", "orchard", "tramway", "meadow", "kiln"]
REASON = "They are like those we have."


class Writer(BaseHTTPRequestHandler):
    """A model that writes a new row each time, and breaks down at every fourth request."""

    count = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with Writer.lock:
            number, Writer.count = Writer.count, Writer.count + 1
        if number % 4 == 3:
            self._send(400, {"error": {"message": "no", "type": "invalid_request_error", "code": "no"}})
            return
        topic = TOPICS[number % len(TOPICS)]
        said = f"note that the {topic} beside the {TOPICS[(number * 7 + 3) % 10]} was seen {topic}ward on {topic} day"
        content = json.dumps({"question": said, "answer": topic})
        usage = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        self._send(200, {"id": "1", "object": "chat.completion", "created": 1, "model": "toy-writer",
                         "choices": [choice], "usage": usage})  # fmt: skip

    def log_message(self, *words: Any) -> None:
        """Silent."""

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def url() -> Iterator[str]:
    Writer.count = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Writer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def written(project: Project, url: str) -> Project:  # noqa: F811 - the fixture of that name
    text = CONFIG.replace("models: {copy: {engine: nearest, id: copy}}\n", ENGINE.replace("URL", url))
    (project.folder / "luthier.yaml").write_text(text)
    return project


def test_the_file_flags_every_row_and_the_run_its_cost_and_faults_are_kept(written: Project) -> None:
    done = written.luthier("data", "synthesize", "--count", "5", "--model", "writer", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["kept"], told["asked"]) == (5, told["kept"] + sum(told["rejected"].values()))
    assert told["rejected"]["engine_fault"] >= 1
    rows = [json.loads(line) for line in (written.folder / "synthetic.jsonl").read_text().splitlines()]
    assert [row["synthetic"] for row in rows] == [True] * 5
    assert {row["provenance"]["generator"] for row in rows} == {"writer (openai: toy-writer)"}
    with written.opened() as work:
        train = {row.id for row in rows_of(work, "train")}
        assert all(set(row["provenance"]["seeds"]) <= train for row in rows)
        assert [entry.subject for entry in work.store.ledger.entries()] == ["synthetic rows of writer"]
        assert len(work.store.artifacts.find("synthesis")) == 1


def test_an_unknown_model_and_a_file_that_exists_are_refused(written: Project) -> None:
    unknown = written.luthier("data", "synthesize", "--count", "1", "--model", "writre")
    assert (unknown.code, unknown.error) == (2, "no model is named 'writre'")
    (written.folder / "synthetic.jsonl").write_text("mine")
    exists = written.luthier("data", "synthesize", "--count", "1", "--model", "writer")
    assert exists.code == 2
    assert (written.folder / "synthetic.jsonl").read_text() == "mine"


def test_synthetic_rows_are_never_gold_and_no_override_lets_them_in(written: Project) -> None:
    assert written.luthier("data", "synthesize", "--count", "5", "--model", "writer").code == 0
    text = (written.folder / "luthier.yaml").read_text()
    source = "    - {path: synthetic.jsonl, format: chat, synthetic: true, lawful_basis: legitimate_interests}\n"
    (written.folder / "luthier.yaml").write_text(text.replace("  gold: {size", f"{source}  gold: {{size"))
    fresh = written.folder / ".luthier"
    built_again = written.luthier("data", "build")
    assert built_again.code == 0, built_again.err
    assert fresh.exists()
    with written.opened() as work:
        assert not any(row.synthetic for row in rows_of(work, "test"))
        rows = [row for split in ("train", "validation") for row in rows_of(work, split)]
        made_up = [row for row in rows if row.synthetic]
        assert len(made_up) == 5
        real = [review_key(row) for row in rows if not row.synthetic]
        queue(work, [review_key(row) for row in rows], "new snapshot")
        everyone = tuple(review_key(row) for row in rows)
        with pytest.raises(
            Refused, match="5 rows were written by a model and are let in by reviewers alone: synthetic-"
        ):
            submit(work, Overridden(by="lead", reason=REASON, rows=everyone))
        assert standing(state_of(work), real[0]) == "pending"
        submit(work, Overridden(by="lead", reason=REASON, rows=tuple(real)))
        accepted = review_key(made_up[0])
        rejected = {review_key(row): "reject" for row in made_up[1:]}
        for reviewer in ("ada", "ben"):
            submit(work, Submitted.model_validate({"reviewer": reviewer, "marks": {accepted: "accept", **rejected}}))
        settle_review(work)
        let_in = [row.id for split in ("train", "validation") for row in admitted_rows(work, split) if row.synthetic]
        assert let_in == [made_up[0].id]


def test_an_override_from_before_the_rule_lets_in_no_synthetic_row(written: Project) -> None:
    assert written.luthier("data", "synthesize", "--count", "2", "--model", "writer").code == 0
    text = (written.folder / "luthier.yaml").read_text()
    source = "    - {path: synthetic.jsonl, format: chat, synthetic: true, lawful_basis: legitimate_interests}\n"
    (written.folder / "luthier.yaml").write_text(text.replace("  gold: {size", f"{source}  gold: {{size"))
    assert written.luthier("data", "build").code == 0
    with written.opened() as work:
        keys = tuple(review_key(row) for split in ("train", "validation") for row in rows_of(work, split))
        queue(work, keys, "new snapshot")
        event = Overridden(by="lead", reason=REASON, rows=keys)
        seen = len(work.store.events.read("review"))
        work.store.events.append("review", seen, event.kind, event.model_dump(mode="json"), work.clock())
        settle_review(work)
        assert not any(row.synthetic for row in admitted_rows(work, "train"))
        assert len(admitted_rows(work, "train")) > 50


def test_no_row_of_a_model_is_drawn_for_gold_even_when_most_rows_are(tmp_path: Path, built: Path, url: str) -> None:  # noqa: F811
    project = Project(Path(shutil.copytree(built, tmp_path / "mostly")))  # noqa: F811
    shutil.rmtree(project.home / "work", ignore_errors=True)
    rows = [json.loads(line) for line in (project.folder / "rows.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["synthetic"] = number % 3 != 0
    (project.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = (project.folder / "luthier.yaml").read_text().replace("project: consent-small", "project: consent-other")
    (project.folder / "luthier.yaml").write_text(text)
    assert project.luthier("data", "build").code == 0
    with project.opened() as work:
        gold = rows_of(work, "test")
        assert len(gold) == 30
        assert not any(row.synthetic for row in gold)
