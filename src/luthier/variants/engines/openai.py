"""Any endpoint that speaks OpenAI's chat completions: vLLM, a hosted API, `luthier engine`."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from luthier.domain.answers import Answer, FinishReason
from luthier.domain.digests import canonical_json
from luthier.errors import EngineFault, UserError
from luthier.variants.config import ModelConfig
from luthier.variants.egress import Reply, TimedOut, TooLarge, Unreachable, open_client, send
from luthier.variants.engines.base import EngineRequest, EngineSetup, Told
from luthier.variants.engines.folders import read_json

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
HOPELESS = frozenset({401, 403, 404, 405})
LONGEST_WAIT_SECONDS = 60.0
FIRST_WAIT_SECONDS = 0.5
HOSTED_NOTE = "hosted.json"
"""Stands in the artifact of a hosted tuning run, in place of tensors: the name to ask the model by."""
_ERROR: FinishReason = "error"
_SAFE_CODE = re.compile(r"^[a-z_]{1,60}$")  # words only: no key looks like this


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Usage = _Usage()


@dataclass(frozen=True)
class _Failed:
    """Why one request got no answer."""

    what: str
    reason: FinishReason


class OpenAIEngine:
    """Asks the endpoint in parallel and in order; waits and tries again where that can help."""

    is_telling = True

    def __init__(
        self,
        model: ModelConfig,
        *,
        api_key: SecretStr | None = None,
        retry_seed: int = 0,
        sleep: Callable[[float], None] = time.sleep,
        client: httpx.Client | None = None,
    ) -> None:
        if model.base_url is None:
            raise UserError("engine `openai` needs `base_url`", hint="for example http://127.0.0.1:8001/v1")
        self._model = model
        self._url = f"{model.base_url}/chat/completions"
        self._api_key = api_key
        self._adapters: dict[str, str] = {}
        self._retry_seed = retry_seed
        self._sleep = sleep
        self._client = client or open_client(timeout_seconds=model.timeout_seconds, connections=model.concurrency)

    @classmethod
    def of(cls, model: ModelConfig, setup: EngineSetup) -> "OpenAIEngine":
        """The engine of a project's model section."""
        return cls(model, api_key=setup.api_key, retry_seed=setup.retry_seed)

    @property
    def adapters(self) -> list[str]:
        """Names under which adapters may be asked for; those given to `add_adapter`."""
        return list(self._adapters)

    def add_adapter(self, name: str, folder: Path) -> None:
        """An adapter that the endpoint serves: under the name that a hosted run's note gives, or under `name`."""
        self._adapters[name] = hosted_model(folder) or name

    def answer(self, requests: Sequence[EngineRequest], told: Told | None = None) -> list[Answer]:
        """One answer per request, each told as it comes; EngineFault where key, model or address are refused."""

        def one(request: EngineRequest, place: int) -> Answer:
            found = self._answer(request, place)
            if told is not None:
                told(place, found)
            return found

        with ThreadPoolExecutor(max_workers=self._model.concurrency) as pool:
            return list(pool.map(one, requests, range(len(requests))))

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _answer(self, request: EngineRequest, place: int) -> Answer:
        known = self._adapters.get(request.adapter or "", request.adapter)
        body = canonical_json(body_of(request.model_copy(update={"adapter": known}), self._model.id))
        waits = Random(f"{self._retry_seed}:{place}")
        began = time.perf_counter()
        reply = self._reply(body, waits)
        took = time.perf_counter() - began
        if isinstance(reply, _Failed):
            return Answer(text=None, finish_reason=reply.reason, error=reply.what, latency_seconds=took)
        return self._parsed(reply, took)

    def _reply(self, body: bytes, waits: Random) -> "Reply | _Failed":
        """A good reply, or what went wrong for this request alone."""
        what, reason = "", _ERROR
        for attempt in range(self._model.max_attempts):
            retry_after: str | None = None
            try:
                reply = send(self._client, "POST", self._url, body=body, headers=self._headers())
            except Unreachable as fault:
                what, reason = fault.message, "timeout" if isinstance(fault, TimedOut) else _ERROR
            except TooLarge as fault:
                return _Failed(fault.message, _ERROR)
            else:
                if reply.status == 200:
                    return reply
                what, reason = f"the endpoint answered {reply.status}{named_fault(reply.body)}", _ERROR
                if reply.status in HOPELESS:
                    raise EngineFault(what, hint="check `base_url`, `id` and `api_key_env` of the model")
                if reply.status not in RETRIED:
                    return _Failed(what, reason)
                retry_after = reply.headers.get("retry-after")
            if attempt + 1 < self._model.max_attempts:
                self._sleep(wait_seconds(attempt, retry_after, waits))
        return _Failed(f"{what}, {self._model.max_attempts} times", reason)

    def _headers(self) -> Mapping[str, str]:
        key = {"authorization": f"Bearer {self._api_key.get_secret_value()}"} if self._api_key else {}
        return {"content-type": "application/json", **key}

    def _parsed(self, reply: Reply, took: float) -> Answer:
        try:
            completion = _Completion.model_validate_json(reply.body)
        except ValidationError:
            completion = _Completion(choices=[])
        if not completion.choices:
            return Answer(
                text=None, finish_reason="error", error="the endpoint sent no chat completion", latency_seconds=took
            )
        choice, usage = completion.choices[0], completion.usage
        reason: FinishReason = "length" if choice.finish_reason == "length" else "stop"
        return Answer(
            text=choice.message.content,
            finish_reason=reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            latency_seconds=took,
            cost=self._model.price.of(usage.prompt_tokens, usage.completion_tokens),
        )


def hosted_model(folder: Path) -> str | None:
    """The name that a provider has for the model of a hosted run; None where the folder holds an adapter's tensors."""
    note = folder / HOSTED_NOTE
    return str(read_json(note).get("model")) if note.is_file() else None


def body_of(request: EngineRequest, model: str) -> dict[str, object]:
    """The JSON of one request; an adapter is asked for by its name, as vLLM serves it."""
    decoding = request.decoding
    messages = [{"role": each.role, "content": each.content} for each in request.messages]
    if request.text is not None:
        raise UserError("this engine answers conversations, not raw prompts", hint="send `messages`")
    stop = {"stop": list(decoding.stop)} if decoding.stop else {}
    return {
        "model": request.adapter or model, "messages": messages, "max_tokens": decoding.max_tokens,
        "temperature": decoding.temperature, "seed": decoding.seed, **stop,
    }  # fmt: skip


def wait_seconds(attempt: int, retry_after: str | None, waits: Random) -> float:
    """Half to all of 0.5 s doubled per attempt, never less than the endpoint asked for, at most a minute."""
    ceiling = FIRST_WAIT_SECONDS * float(2**attempt)
    asked = float(retry_after) if retry_after and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", retry_after) else 0.0
    return min(LONGEST_WAIT_SECONDS, max(asked, ceiling * (0.5 + waits.random() / 2)))


def named_fault(body: bytes) -> str:
    """The error's code where it is a plain word; a message may repeat the key or the question, so it is not shown."""
    try:
        fault = json.loads(body)["error"]
        code = fault.get("code") or fault.get("type")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return f" ({code})" if isinstance(code, str) and _SAFE_CODE.match(code) else ""
