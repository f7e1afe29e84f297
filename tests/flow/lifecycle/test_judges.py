"""Judges behind HTTP, examined and asked through the command line: what is paid, what is refused, what gates."""

import json
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from luthier.evaluate.judges.panel import Asking
from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.workshop import make_workshop
from tests.unit.evaluate.judges.benches import Shown, first, longest, shown

LABELS = 130


@dataclass
class Judge:
    """An OpenAI-compatible endpoint that judges by a rule which tests may change, and counts what it is asked."""

    rule: Callable[[Shown], str] = first
    asked: list[str] = field(default_factory=list)
    failing: int = 0
    """How many of the next requests are refused."""

    def reply(self, body: dict[str, Any]) -> str:
        """Its words for one request."""
        asking = Asking.model_validate({"messages": body["messages"], "decoding": {}})
        self.asked.append(asking.messages[-1].content)
        return self.rule(shown(asking))


@pytest.fixture
def judge() -> Iterator[tuple[Judge, str]]:
    """The endpoint and its address."""
    kept, lock = Judge(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                is_refused = kept.failing > 0
                kept.failing -= is_refused
            if is_refused:
                self._send(400, {"error": {"message": "no", "type": "invalid_request_error"}})
                return
            message = {"role": "assistant", "content": kept.reply(body)}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
            self._send(200, {"id": "1", "object": "chat.completion", "created": 0, "model": "judge",
                             "choices": [choice], "usage": usage})  # fmt: skip

        def _send(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield kept, f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that every test takes a copy of, with labels beside it."""
    project = make_workshop(tmp_path_factory.mktemp("workshop") / "project")
    draws = random.Random(2)
    rows = []
    for number in range(LABELS):
        side = draws.choice(["a", "b"])
        texts = {name: f"{name}{number} {'x' * draws.randint(0, 30)}" for name in "ab"}
        labels = {"anna": side, "ben": side if draws.random() < 0.9 else "tie"}
        rows.append({"prompt": f"q{number}", **texts, "labels": labels})
    (project.folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return project.folder


@pytest.fixture
def project(workshop: Path, tmp_path: Path, judge: tuple[Judge, str]) -> Project:
    """A project of the test's own, which names the judge."""
    made = Project(Path(shutil.copytree(workshop, tmp_path / "project")))
    settings = made.folder / "luthier.yaml"
    text = settings.read_text().replace(
        "models: {base: {engine: local, id: base}}",
        f"models: {{base: {{engine: local, id: base}}, grader: {{engine: openai, id: judge, base_url: '{judge[1]}', "
        "max_attempts: 1, price: {input_per_million: 1000, output_per_million: 1000}}}",
    )
    settings.write_text(
        f"{text}  judges:\n    helpful:\n      {{model: grader, kind: pairwise, labels: labels.jsonl,\n"
        "       against: prompt, threshold: '>= 0.5', criteria: The better answer names the right department.}\n"
    )
    return made


def as_anna(told: Shown) -> str:
    """Whoever answers as Anna did: of each pair of labels the file says which was hers."""
    return json.dumps({"reason": "as Anna", "verdict": "A" if told[1] in ANNAS else "B"})


ANNAS: set[str] = set()


@pytest.fixture(autouse=True)
def _anna_s_choices(workshop: Path) -> None:
    rows = [json.loads(line) for line in (workshop / "labels.jsonl").read_text().splitlines()]
    ANNAS.update(row[row["labels"]["anna"]] for row in rows)


def gate(project: Project) -> dict[str, Any]:
    with project.opened() as work:
        [*_, last] = [row for row in work.store.links.history(work.project) if row.link == "gate"]
        found: dict[str, Any] = json.loads(work.store.artifacts.get_bytes(str(last.digest)))
    return found


def paid(project: Project) -> int:
    with project.opened() as work:
        return sum(entry.unit == "engine charges" for entry in work.store.ledger.entries())


@pytest.mark.parametrize("rule", [first, longest, lambda _: "5"], ids=["first", "longest", "always-5"])
def test_a_degenerate_judge_is_refused_with_its_reason(
    project: Project, judge: tuple[Judge, str], rule: Callable[[Shown], str]
) -> None:
    judge[0].rule = rule
    outcome = project.luthier("evaluate", "license-judge", "helpful")
    assert outcome.code == 3
    assert "refused a licence" in outcome.error
    assert "no better than a judge that looks at nothing" in outcome.error


def test_a_judge_that_answers_as_a_person_is_licensed_and_its_questions_are_paid_once(
    project: Project, judge: tuple[Judge, str]
) -> None:
    judge[0].rule = as_anna
    found = project.answered("evaluate", "license-judge", "helpful")
    assert found["verdict"]["outcome"] == "pass"
    assert found["each"]["anna"]["value"] == 1.0
    assert len(judge[0].asked) == len(set(judge[0].asked)) == 2 * LABELS
    before = paid(project)
    assert before > 0
    again = project.answered("evaluate", "license-judge", "helpful", "--force")
    stricter = project.luthier("evaluate", "license-judge", "helpful", "--set",
                               "evaluation.judges.helpful.licence.agreement=0.99")  # fmt: skip
    assert again == found
    assert stricter.code in {3, 4}
    assert (len(judge[0].asked), paid(project)) == (2 * LABELS, before)


def test_answers_that_came_before_a_failure_are_kept_and_only_the_others_are_asked_again(
    project: Project, judge: tuple[Judge, str]
) -> None:
    judge[0].rule, judge[0].failing = as_anna, 40
    assert project.luthier("evaluate", "license-judge", "helpful").code == 3  # a sixth could not be read
    assert len(judge[0].asked) == 2 * LABELS - 40
    assert project.luthier("evaluate", "license-judge", "helpful", "--force").code == 0
    assert len(judge[0].asked) == 2 * LABELS


def test_a_judge_gates_with_its_licence_and_informs_without(project: Project, judge: tuple[Judge, str]) -> None:
    judge[0].rule = as_anna
    assert project.luthier("train", "run").code == 0
    assert project.luthier("evaluate", "run", "tuned").code == 0
    heard = project.answered("evaluate", "judge", "helpful", "tuned")
    assert (heard["may_gate"], heard["figure"]["n"]) == (False, 24)
    project.luthier("release", "propose", "tuned")
    unlicensed = gate(project)
    assert "judge:helpful" not in unlicensed["checks"]
    assert any("judge helpful says" in each and "holds no licence" in each for each in unlicensed["warnings"])

    assert project.luthier("evaluate", "license-judge", "helpful").code == 0
    project.luthier("release", "propose", "tuned")
    licensed = gate(project)
    assert licensed["checks"]["judge:helpful"] == heard["verdict"]
    assert not any("judge helpful" in each for each in licensed["warnings"])

    other_words = ("--set", "evaluation.judges.helpful.criteria=The better answer is the shorter one.")
    project.luthier("release", "propose", "tuned", *other_words)
    changed = gate(project)
    assert "judge:helpful" not in changed["checks"]
    assert any("given to another state" in each for each in changed["warnings"])


def test_an_unknown_judge_model_and_variant_are_told_with_the_file_s_other_faults(project: Project) -> None:
    outcome = project.luthier("evaluate", "license-judge", "helpful", "--set", "evaluation.judges.helpful.model=gradr",
                              "--set", "evaluation.judges.helpful.against=promt")  # fmt: skip
    assert outcome.code == 2
    assert "grader" in outcome.err
    assert "`prompt`" in outcome.err
