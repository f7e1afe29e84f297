"""From a release back to its bytes, and the same text wherever one question is read."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import torch
from peft import PeftModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from transformers import AutoModelForCausalLM, AutoTokenizer

from luthier.domain.examples import Message
from luthier.domain.runs import TrainingRun
from luthier.lifecycle.answering import Variants, adapter_folder
from luthier.lifecycle.links.data import gold_set, rows_of
from luthier.lifecycle.links.release import release
from luthier.lifecycle.links.training import adapter_variants, conversations
from luthier.lifecycle.serving.gateway import build
from luthier.train.backends.encode import encode
from luthier.train.config import TrainConfig
from luthier.variants.answering import passages_for, request_for
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.folders import weights_digest
from luthier.variants.engines.local import LocalEngine
from luthier.variants.engines.texts import prompt_ids
from tests.flow.gateway.serving import answering, listening
from tests.flow.lifecycle.play import APPLICATION, Project

At = Callable[[str], Project]
TUNED = "crm-small-2"
KEPT = ("adapter", "run", "snapshot", "gold:task_accuracy", "report:task_accuracy")


def test_every_digest_in_a_release_s_lineage_leads_to_what_it_names(project_at: At) -> None:
    with project_at("proposed").opened() as work:
        made = release(work, TUNED)
        assert set(made.lineage) == {*KEPT, "variant", "base", "index"}
        for role in KEPT:
            data = work.store.artifacts.get_bytes(made.lineage[role])
            assert hashlib.sha256(data).hexdigest() == made.lineage[role]
        variants = Variants(work, lambda: rows_of(work, "train"))
        assert made.lineage["variant"] == made.variant.digest == variants.of("tuned_rag").digest
        assert made.lineage["index"] == variants.indexes["kb"].digest
        assert made.lineage["base"] == weights_digest(variants.base_folder("base"))


def test_the_lineage_graph_reaches_from_the_release_to_snapshot_and_gold_set(project_at: At) -> None:
    with project_at("proposed").opened() as work:
        [row] = [row for row in work.store.releases.all(work.project) if row.release_id == TUNED]
        reached = work.store.artifacts.ancestry(row.digest)
        assert {"release", "gate", "report", "training_run", "adapter", "snapshot", "gold"} <= {
            artifact.kind for artifact in reached.artifacts
        }
        assert work.store.artifacts.verify() == []


def test_training_leaves_the_base_weights_as_they_were_before_it(project_at: At) -> None:
    with project_at("proposed").opened() as work:
        before = release(work, "crm-small-1").lineage["base"]
        run = work.fetch(work.require("train"), TrainingRun)
        folder = Variants(work, lambda: ()).base_folder("base")
        assert before == run.base_weights == weights_digest(folder)
        assert 0 < run.trainable_parameters < run.total_parameters


def test_plain_transformers_and_peft_give_the_local_engine_s_tokens(project_at: At) -> None:
    with project_at("proposed").opened() as work:
        variants = Variants(work, lambda: rows_of(work, "train"))
        variant = variants.of("tuned_rag")
        assert variant.adapter is not None
        adapter, base = adapter_folder(work, variant.adapter), variants.base_folder("base")
        index = variants.indexes["kb"]
        requests = [
            request_for(variant, row.question, passages_for(variant, row.question, index), work.tools)
            for row in gold_set(work).examples[:10]
        ]
        engine_tokens = _engine_tokens(base, adapter, requests)
        assert engine_tokens == _plain_tokens(base, adapter, requests)
        assert len(engine_tokens) == 10
        assert any(engine_tokens)


def test_training_gateway_and_engine_read_one_row_as_the_same_text(project_at: At) -> None:
    project = project_at("completed")
    with project.opened() as work:
        variants = Variants(work, lambda: rows_of(work, "train"))
        row = rows_of(work, "train")[0]
        [trained] = conversations(work, variants, adapter_variants(work, variants), [row])
        released = release(work, TUNED).variant
        passages = passages_for(released, row.question, variants.indexes["kb"])
        measured = request_for(released, row.question, passages, work.tools).messages
        sent = _sent_by_gateway(project, work, row.question)
        base = variants.base_folder("base")
    assert len(sent[-1].content) > len(row.asked)  # the passages are in it
    assert sent == tuple(trained.messages[:-1]) == tuple(measured)
    learned, target, asked = _tokens(base, trained, sent)
    assert asked == learned
    assert target.startswith(row.ideal)


def _engine_tokens(base: Path, adapter: Path, requests: Sequence[EngineRequest]) -> list[list[int]]:
    engine = LocalEngine.load(base)
    engine.add_adapter(str(requests[0].adapter), adapter)
    session = engine.session()
    places = {session.add(request): place for place, request in enumerate(requests)}
    found: dict[int, list[int]] = {}
    while not session.is_idle:
        found |= {places[piece.ticket]: list(piece.token_ids) for piece in session.step() if piece.answer is not None}
    return [found[place] for place in range(len(requests))]


def _plain_tokens(base: Path, adapter: Path, requests: Sequence[EngineRequest]) -> list[list[int]]:
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft about transformers, not of ours
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter)
    ends = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}
    found = []
    for request in requests:
        turns = [message.model_dump() for message in request.messages]
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        asked = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode():
            said = model.generate(
                input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], do_sample=False,
                max_new_tokens=request.decoding.max_tokens, eos_token_id=sorted(ends), pad_token_id=min(ends),
            )  # fmt: skip
        new = said[0, asked["input_ids"].shape[1] :].tolist()
        found.append(new[:-1] if new and new[-1] in ends else new)
    return found


def _sent_by_gateway(project: Project, work: Any, question: Sequence[Message]) -> tuple[Message, ...]:
    """The messages that reach a back end when an application asks `question`."""
    heard: list[dict[str, Any]] = []
    headers = {"authorization": f"Bearer {project.keys[APPLICATION]}"}
    body = {"model": work.project, "messages": [message.model_dump() for message in question]}
    with listening(_hearing(heard)) as backend:
        app, _ = build(work, {"local": f"{backend}/v1"}, {})
        with answering(app, work.config.gateway) as gateway:
            answer = httpx.post(f"{gateway}/v1/chat/completions", json=body, headers=headers)
    assert (answer.status_code, answer.headers["x-luthier-release"]) == (200, TUNED)
    return tuple(Message.model_validate(message) for message in heard[0]["messages"])


def _hearing(heard: list[dict[str, Any]]) -> Starlette:
    """A back end that knows every adapter and keeps what it is asked."""

    async def models(_: Request) -> JSONResponse:
        return JSONResponse({"data": [{"id": "base"}]})

    async def load(_: Request) -> JSONResponse:
        return JSONResponse({})

    async def chat(request: Request) -> JSONResponse:
        heard.append(await request.json())
        choice = {"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}
        return JSONResponse({"choices": [choice]})

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/load_lora_adapter", load, methods=["POST"]),
            Route("/v1/chat/completions", chat, methods=["POST"]),
        ]
    )


def _tokens(base: Path, trained: Any, sent: Sequence[Message]) -> tuple[list[int], str, list[int]]:
    """The question's tokens in training, the text to be learned after them, and the question's tokens when served."""
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    [encoded] = encode(tokenizer, [trained], TrainConfig())
    start = encoded.is_target.index(True)
    target = tokenizer.decode(list(encoded.tokens[start:]))
    return list(encoded.tokens[:start]), target, prompt_ids(tokenizer, sent)
