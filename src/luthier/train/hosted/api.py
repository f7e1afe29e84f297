"""The fine-tuning API over the one way out, with what may be asked again told from what may not."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from luthier.errors import EngineFault
from luthier.train.hosted.types import Checkpoint, Event, FileObject, Job
from luthier.variants.egress import Reply, Unreachable, send
from luthier.variants.engines.openai import HOPELESS, RETRIED, named_fault, wait_seconds

ATTEMPTS = 6
PAGE = 100
PAGES_AT_MOST = 200
LARGEST_REPLY_BYTES = 64_000_000
M = TypeVar("M", bound=BaseModel)


class Uncertain(EngineFault):
    """A request that may cost money got no answer that tells whether it was taken."""

    code = "uncertain"


class FineTuningApi:
    """Files, jobs, events and checkpoints of one provider."""

    def __init__(
        self, base_url: str, key: SecretStr | None, client: httpx.Client, *, sleep: Callable[[float], None]
    ) -> None:
        self._base_url = base_url
        self._key = key
        self._client = client
        self._sleep = sleep

    def upload(self, name: str, data: bytes) -> FileObject:
        """The file, uploaded for fine-tuning; Uncertain where nobody knows whether it arrived."""
        edge = secrets.token_hex(16)
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        return _parsed(FileObject, self._once("/files", body, f"multipart/form-data; boundary={edge}"))

    def files(self) -> Iterator[FileObject]:
        """Every file that was uploaded for fine-tuning."""
        return self._pages(FileObject, "/files", {"purpose": "fine-tune"})

    def delete_file(self, file: str) -> None:
        """The file is gone at the provider; one that is gone already is fine."""
        self._asked("DELETE", f"/files/{file}", fine=frozenset({200, 404}))

    def create_job(self, body: Mapping[str, object]) -> Job:
        """The new job; Uncertain where nobody knows whether there is one now."""
        return _parsed(Job, self._once("/fine_tuning/jobs", json.dumps(body).encode(), "application/json"))

    def jobs(self, metadata: Mapping[str, str]) -> Iterator[Job]:
        """Every job, or those with that metadata where the provider filters; the caller looks again."""
        return self._pages(Job, "/fine_tuning/jobs", {f"metadata[{name}]": value for name, value in metadata.items()})

    def job(self, job: str) -> Job:
        """The job as it stands."""
        return _parsed(Job, self._asked("GET", f"/fine_tuning/jobs/{job}"))

    def cancel(self, job: str) -> Job:
        """The job after it was asked to stop; one that has ended already stays as it ended."""
        self._asked("POST", f"/fine_tuning/jobs/{job}/cancel", fine=frozenset({200, 400}))
        return self.job(job)

    def events(self, job: str) -> list[Event]:
        """The job's log, oldest first."""
        return list(self._pages(Event, f"/fine_tuning/jobs/{job}/events", {}))[::-1]

    def checkpoints(self, job: str) -> list[Checkpoint]:
        """The job's checkpoints by their step."""
        found = self._pages(Checkpoint, f"/fine_tuning/jobs/{job}/checkpoints", {})
        return sorted(found, key=lambda each: each.step_number)

    def _pages(self, kind: type[M], path: str, query: Mapping[str, str]) -> Iterator[M]:
        after: dict[str, str] = {}
        for _ in range(PAGES_AT_MOST):
            reply = self._asked("GET", f"{path}?{urlencode({**query, 'limit': str(PAGE), **after})}")
            page = _listed(reply)
            yield from (_validated(kind, entry) for entry in page.data)
            if not page.has_more or not page.data:
                return
            after = {"after": str(page.data[-1].get("id"))}
        raise EngineFault(f"the list of {path} does not end", hint="delete old files and jobs at the provider")

    def _asked(self, method: str, path: str, *, fine: frozenset[int] = frozenset({200})) -> Reply:
        """A reply to what may be asked again and again; EngineFault once patience ends."""
        waits, what = Random(path), ""
        for attempt in range(ATTEMPTS):
            after: str | None = None
            try:
                reply = send(self._client, method, self._base_url + path, headers=self._headers(),
                             max_bytes=LARGEST_REPLY_BYTES)  # fmt: skip
                if reply.status in fine:
                    return reply
                what, after = self._refusal(reply), reply.headers.get("retry-after")
                if reply.status not in RETRIED:
                    raise EngineFault(what, hint="check `train.backend` and the provider's account")
            except Unreachable as fault:
                what = fault.message
            if attempt + 1 < ATTEMPTS:
                self._sleep(wait_seconds(attempt, after, waits))
        raise EngineFault(f"{what}, {ATTEMPTS} times", hint="run again later; nothing is paid for twice")

    def _once(self, path: str, body: bytes, kind: str) -> Reply:
        """A reply to what must not be asked twice unseen."""
        try:
            reply = send(self._client, "POST", self._base_url + path, body=body,
                         headers={**self._headers(), "content-type": kind})  # fmt: skip
        except Unreachable as fault:
            raise Uncertain(fault.message, hint=fault.hint) from fault
        if reply.status in {200, 201}:
            return reply
        if reply.status == 429 or reply.status not in RETRIED:  # both say that nothing was taken
            raise EngineFault(self._refusal(reply), hint="check `train.backend`, the rows, and the provider's account")
        raise Uncertain(self._refusal(reply), hint="run again")

    def _refusal(self, reply: Reply) -> str:
        where = " (key, address or model)" if reply.status in HOPELESS else ""
        return f"the provider answered {reply.status}{named_fault(reply.body)}{where}"

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._key.get_secret_value()}"} if self._key else {}


class _Page(BaseModel):
    data: list[dict[str, object]]
    has_more: bool = False


def _listed(reply: Reply) -> _Page:
    return _parsed(_Page, reply)


def _parsed(kind: type[M], reply: Reply) -> M:
    try:
        return kind.model_validate_json(reply.body)
    except ValidationError as fault:
        raise EngineFault("the provider's reply is not of OpenAI's shape", hint="check `base_url`") from fault


def _validated(kind: type[M], entry: dict[str, object]) -> M:
    try:
        return kind.model_validate(entry)
    except ValidationError as fault:
        raise EngineFault("the provider's list is not of OpenAI's shape", hint="check `base_url`") from fault
