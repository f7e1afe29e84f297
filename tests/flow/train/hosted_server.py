"""A fine-tuning provider as OpenAI's public specification has it: strict about every field, and honest about states.

It rejects what the specification does not name, walks a job through its states one look at a time, and counts what it
would charge. Faults are planted by path: a reply that is lost after the deed, or a refusal before it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "sk-hosted"
MODELS = ("gpt-4o-mini-2024-07-18", "gpt-4.1-nano-2025-04-14")
STATES = ("validating_files", "queued", "running", "succeeded")
FEWEST_ROWS = 10
JOB_FIELDS = {
    "model", "training_file", "validation_file", "hyperparameters", "suffix", "integrations", "seed", "method",
    "metadata",
}  # fmt: skip
HYPERPARAMETERS = {
    "supervised": {"batch_size", "learning_rate_multiplier", "n_epochs"},
    "dpo": {"batch_size", "learning_rate_multiplier", "n_epochs", "beta"},
}


class Refusal(Exception):
    """An error in OpenAI's shape."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass
class Provider:
    """All that the provider knows; tests read it and plant faults."""

    keeps_metadata: bool = True
    ends_as: str = "succeeded"
    lost_replies: list[str] = field(default_factory=list)
    """`METHOD /path` whose next reply is a 500 although the deed was done."""
    refused: list[tuple[str, int]] = field(default_factory=list)
    """`METHOD /path` and the status that it is refused with, once each, before any deed."""
    stands_still: bool = False
    """Whether jobs stay in the state they are in, however often they are looked at."""
    hidden_looks: int = 0
    """How many more lists of jobs do not show the newest one yet."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    now: int = 1_700_000_000

    @property
    def charged(self) -> int:
        """Jobs that would be on the bill."""
        return sum(job["status"] not in ("failed", "cancelled") for job in self.jobs.values())

    def app(self) -> Starlette:
        """The provider behind its routes."""
        return Starlette(
            routes=[
                self._route("/v1/files", self.create_file, "POST"),
                self._route("/v1/files", self.list_files, "GET"),
                self._route("/v1/files/{file}", self.get_file, "GET"),
                self._route("/v1/files/{file}", self.delete_file, "DELETE"),
                self._route("/v1/fine_tuning/jobs", self.create_job, "POST"),
                self._route("/v1/fine_tuning/jobs", self.list_jobs, "GET"),
                self._route("/v1/fine_tuning/jobs/{job}", self.get_job, "GET"),
                self._route("/v1/fine_tuning/jobs/{job}/cancel", self.cancel_job, "POST"),
                self._route("/v1/fine_tuning/jobs/{job}/events", self.list_events, "GET"),
                self._route("/v1/fine_tuning/jobs/{job}/checkpoints", self.list_checkpoints, "GET"),
            ]
        )

    def _route(self, path: str, deed: Callable[[Request, bytes], Any], method: str) -> Route:
        name = f"{method} {path.removeprefix('/v1')}"

        async def answer(request: Request) -> Response:
            body = await request.body()
            try:
                if request.headers.get("authorization") != f"Bearer {KEY}":
                    raise Refusal(401, "Incorrect API key provided.", code="invalid_api_key")
                if planted := next((each for each in self.refused if each[0] == name), None):
                    self.refused.remove(planted)
                    raise Refusal(planted[1], "planted")
                done = deed(request, body)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status, headers={"retry-after": "0"})
            if name in self.lost_replies:
                self.lost_replies.remove(name)
                return JSONResponse(Refusal(500, "lost").body, 500)
            return JSONResponse(done)

        return Route(path, answer, methods=[method])

    def create_file(self, request: Request, body: bytes) -> Any:
        head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = {}
        for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
            name = part.get_param("name", header="content-disposition")
            parts[str(name)] = (part.get_filename(), part.get_payload(decode=True))
        if parts.keys() != {"purpose", "file"}:
            raise Refusal(400, f"unexpected form fields {sorted(parts)}")
        if parts["purpose"][1] != b"fine-tune":
            raise Refusal(400, "purpose", param="purpose")
        filename, data = parts["file"]
        check_lines(data)
        id_ = f"file-{len(self.files) + 1}"
        self.files[id_] = {
            "id": id_, "object": "file", "bytes": len(data), "created_at": self._tick(), "filename": filename,
            "purpose": "fine-tune", "status": "processed",
        }  # fmt: skip
        self.contents[id_] = data
        return self.files[id_]

    def list_files(self, request: Request, _: bytes) -> Any:
        self._known_query(request, {"purpose", "limit", "after", "order"})
        return self._page(request, list(self.files.values())[::-1])

    def get_file(self, request: Request, _: bytes) -> Any:
        return self._existing(self.files, request.path_params["file"])

    def delete_file(self, request: Request, _: bytes) -> Any:
        id_ = self._existing(self.files, request.path_params["file"])["id"]
        del self.files[id_]
        self.deleted.append(id_)
        return {"id": id_, "object": "file", "deleted": True}

    def create_job(self, request: Request, body: bytes) -> Any:
        asked = json.loads(body)
        self._check_job(asked)
        id_ = f"ftjob-{len(self.jobs) + 1}"
        kind = asked.get("method", {"type": "supervised"})
        self.jobs[id_] = {
            "id": id_, "object": "fine_tuning.job", "created_at": self._tick(), "model": asked["model"],
            "fine_tuned_model": None, "finished_at": None, "error": None, "organization_id": "org-1",
            "result_files": [], "status": STATES[0], "trained_tokens": None, "seed": asked.get("seed", 0),
            "training_file": asked["training_file"], "validation_file": asked.get("validation_file"),
            "hyperparameters": {"n_epochs": self._epochs(asked)}, "method": kind, "integrations": [],
            "metadata": asked.get("metadata") if self.keeps_metadata else None,
        }  # fmt: skip
        return self.jobs[id_]

    def list_jobs(self, request: Request, _: bytes) -> Any:
        wanted = {name[9:-1]: value for name, value in request.query_params.items() if name.startswith("metadata[")}
        self._known_query(request, {"limit", "after", *(f"metadata[{name}]" for name in wanted)})
        shown = list(self.jobs.values())[::-1]
        if self.hidden_looks and shown:
            self.hidden_looks -= 1
            shown = shown[1:]
        if self.keeps_metadata:
            shown = [job for job in shown if wanted.items() <= (job["metadata"] or {}).items()]
        return self._page(request, shown)

    def get_job(self, request: Request, _: bytes) -> Any:
        """The job; one look later it has moved on by one state."""
        job = self._existing(self.jobs, request.path_params["job"])
        seen = dict(job)
        if job["status"] in STATES[:-1] and not self.stands_still:
            job["status"] = STATES[STATES.index(job["status"]) + 1]
            if job["status"] == "succeeded":
                self._finish(job)
        return seen

    def cancel_job(self, request: Request, _: bytes) -> Any:
        job = self._existing(self.jobs, request.path_params["job"])
        if job["status"] not in STATES[:-1]:
            raise Refusal(400, f"Job has already {job['status']}.", code="invalid_state")
        job["status"] = "cancelled"
        return job

    def list_events(self, request: Request, _: bytes) -> Any:
        self._known_query(request, {"limit", "after"})
        job = self._existing(self.jobs, request.path_params["job"])
        reached = STATES.index(job["status"]) if job["status"] in STATES else 1
        events = [
            {"id": f"ftevent-{job['id']}-{place}", "object": "fine_tuning.job.event", "created_at": self.now + place,
             "level": "info", "message": f"reached {state}", "type": "message", "data": {}}
            for place, state in enumerate(STATES[: reached + 1])
        ]  # fmt: skip
        return self._page(request, events[::-1])

    def list_checkpoints(self, request: Request, _: bytes) -> Any:
        """One for each of the last three epochs; the loss is lowest before the last."""
        self._known_query(request, {"limit", "after"})
        job = self._existing(self.jobs, request.path_params["job"])
        epochs = job["hyperparameters"]["n_epochs"] if job["status"] == "succeeded" else 0
        made = [
            {"id": f"ftckpt-{epoch}", "object": "fine_tuning.job.checkpoint", "created_at": self.now + epoch,
             "fine_tuned_model_checkpoint": self._name(job) + ("" if epoch == epochs else f":ckpt-step-{epoch * 10}"),
             "fine_tuning_job_id": job["id"], "step_number": epoch * 10,
             "metrics": {"step": epoch * 10, "train_loss": 2.0 / epoch, "valid_loss": 1.5,
                         "full_valid_loss": 1.0 + abs(epoch - (epochs - 1)) / 4}}
            for epoch in range(max(1, epochs - 2), epochs + 1)
        ]  # fmt: skip
        return self._page(request, made[::-1])

    def _finish(self, job: dict[str, Any]) -> None:
        job["status"], job["finished_at"] = self.ends_as, self._tick()
        if self.ends_as == "succeeded":
            rows = len(self.contents[job["training_file"]].splitlines())
            job |= {"fine_tuned_model": self._name(job), "trained_tokens": rows * 100 * self._epochs(job)}
        else:
            job["error"] = {"code": "invalid_training_file", "message": "row 3 holds alice@example.com", "param": None}

    def _name(self, job: Mapping[str, Any]) -> str:
        return f"ft:{job['model']}:org::{job['id']}"

    def _epochs(self, job: Mapping[str, Any]) -> int:
        method = job.get("method") or {"type": "supervised"}
        told = method.get(method["type"], {}).get("hyperparameters", {})
        epochs = told.get("n_epochs", "auto")
        return 3 if epochs == "auto" else int(epochs)

    def _check_job(self, asked: Any) -> None:
        if unknown := sorted(asked.keys() - JOB_FIELDS):
            raise Refusal(400, f"Unknown parameter: '{unknown[0]}'.", param=unknown[0], code="unknown_parameter")
        if asked.get("model") not in MODELS:
            raise Refusal(404, "The model does not exist", code="model_not_found")
        for name in ("training_file", "validation_file"):
            if asked.get(name) is not None and asked[name] not in self.files:
                raise Refusal(400, f"invalid {name}", param=name, code="invalid_file_id")
        if "training_file" not in asked or asked["training_file"] == asked.get("validation_file"):
            raise Refusal(400, "training_file", param="training_file")
        _check_method(asked.get("method", {"type": "supervised"}))
        _check_metadata(asked.get("metadata") or {})
        if len(asked.get("suffix") or "") > 64 or not isinstance(asked.get("seed", 0), int):
            raise Refusal(400, "suffix or seed")

    def _page(self, request: Request, entries: list[dict[str, Any]]) -> Any:
        limit, after = int(request.query_params.get("limit", "20")), request.query_params.get("after")
        if not 1 <= limit <= 100:
            raise Refusal(400, "limit", param="limit")
        ids = [entry["id"] for entry in entries]
        start = ids.index(after) + 1 if after in ids else 0
        shown = entries[start : start + limit]
        return {"object": "list", "data": shown, "has_more": start + limit < len(entries)}

    def _known_query(self, request: Request, names: set[str]) -> None:
        if unknown := sorted(request.query_params.keys() - names):
            raise Refusal(400, f"Unknown query {unknown[0]}", param=unknown[0])

    def _existing(self, held: dict[str, dict[str, Any]], id_: str) -> dict[str, Any]:
        if id_ not in held:
            raise Refusal(404, f"No such object: {id_}", code="not_found")
        return held[id_]

    def _tick(self) -> int:
        self.now += 1
        return self.now


def check_lines(data: bytes) -> None:
    """Nothing where the file may be trained on: chats or preference pairs, ten at least, and no field unheard of."""
    rows = [json.loads(line) for line in data.splitlines()]
    if len(rows) < FEWEST_ROWS:
        raise Refusal(400, f"Training file has {len(rows)} example(s), but must have at least {FEWEST_ROWS}")
    for row in rows:
        if row.keys() == {"messages"}:
            _check_turns(row["messages"], roles={"system", "user", "assistant"})
            if row["messages"][-1]["role"] != "assistant":
                raise Refusal(400, "the last message must be from the assistant")
        elif row.keys() == {"input", "preferred_output", "non_preferred_output"}:
            _check_turns(row["input"]["messages"], roles={"system", "user", "assistant"})
            for side in ("preferred_output", "non_preferred_output"):
                _check_turns(row[side], roles={"assistant"})
        else:
            raise Refusal(400, f"unexpected fields {sorted(row)}")


def _check_turns(turns: Any, *, roles: set[str]) -> None:
    for turn in turns:
        if not turn.keys() <= {"role", "content", "weight", "name"} or turn["role"] not in roles:
            raise Refusal(400, f"unexpected message {sorted(turn)}")
        if not isinstance(turn["content"], str) or turn.get("weight", 1) not in (0, 1):
            raise Refusal(400, "content or weight")
        if "weight" in turn and turn["role"] != "assistant":
            raise Refusal(400, "only assistant messages carry a weight")


def _check_method(method: Any) -> None:
    kind = method.get("type")
    if kind not in HYPERPARAMETERS or not method.keys() <= {"type", kind}:
        raise Refusal(400, "method", param="method")
    told = method.get(kind, {})
    if not told.keys() <= {"hyperparameters"}:
        raise Refusal(400, "method", param="method")
    for name, value in told.get("hyperparameters", {}).items():
        if name not in HYPERPARAMETERS[kind] or (value != "auto" and (isinstance(value, (str, bool)) or value <= 0)):
            raise Refusal(400, f"Unknown parameter: '{name}'.", param=name)


def _check_metadata(metadata: Any) -> None:
    texts = all(isinstance(part, str) for pair in metadata.items() for part in pair)
    if len(metadata) > 16 or not texts or any(len(k) > 64 or len(v) > 512 for k, v in metadata.items()):
        raise Refusal(400, "metadata", param="metadata")
