"""A tuning run planned, exported, and done by a provider, by the commands that a person would type."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from gguf import GGUFReader

from luthier.domain.runs import TrainingRun
from luthier.lifecycle.answering import adapter_folder
from tests.flow.lifecycle.play import Project
from tests.flow.train.hosted_server import KEY, MODELS, Provider
from tests.flow.train.test_hosted import Switchboard, listening

ProjectAt = Callable[[str], Project]


@pytest.fixture(scope="module")
def board() -> Iterator[tuple[Switchboard, str]]:
    switchboard = Switchboard()
    with listening(switchboard) as url:
        yield switchboard, url


def _exported(project: Project, form: str, *words: str) -> Path:
    out = project.folder / f"out-{form}{'.gguf' if form == 'gguf' else ''}"
    done = project.luthier("train", "export", "--format", form, "--out", str(out), *words)
    assert done.code == 0, done.err
    return out


def test_a_plan_counts_the_admitted_rows_and_refuses_what_cannot_fit(project_at: ProjectAt) -> None:
    project = project_at("unapproved")
    told = project.luthier("train", "plan", "--json")
    assert told.code == 0
    found = json.loads(told.out)
    # 4096 x 256 embeddings, tied; 5 layers of 4 x 256 x 256 and 3 x 256 x 512; 11 norms of 256
    assert found["total_parameters"] == 4096 * 256 + 5 * (4 * 256 * 256 + 3 * 256 * 512) + 11 * 256
    assert "admitted rows" in found["work"]["counted_by"]
    assert found["work"]["training_tokens"] > 1000
    assert all(placement["fits"] for placement in found["placements"])
    same = project.luthier("train", "--plan")
    assert same.code == 0
    assert f"{found['trainable_parameters']:,} parameters" in same.out
    large = {"model_type": "llama", "vocab_size": 128_256, "hidden_size": 8192, "intermediate_size": 28_672,
             "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8}  # fmt: skip
    (project.folder / "large.json").write_text(json.dumps(large))
    words = ("--model", "large.json", "--tokens", "1000", "--longest", "512", "--hardware", "a6000-48gb")
    refused = project.luthier("train", "plan", *words)
    assert refused.code == 3
    assert "a6000-48gb" in refused.error
    assert "train.adapter.kind=qlora" in refused.err


def test_every_export_of_a_run_is_written_and_told_to_the_audit_log(project_at: ProjectAt) -> None:
    project = project_at("proposed")
    with project.opened() as work:
        run = work.fetch(work.require("train"), TrainingRun)
    peft = _exported(project, "peft")
    assert run.adapter in (peft / "README.md").read_text()
    assert (peft / "adapter_model.safetensors").is_file()
    assert "--max-lora-rank 16" in (_exported(project, "vllm") / "SERVING.md").read_text()
    assert (_exported(project, "merged") / "model.safetensors").is_file()
    refused = project.luthier("train", "export", "--format", "gguf", "--out", str(project.folder / "x.gguf"))
    assert refused.code == 3
    gguf = _exported(project, "gguf", "--token-ids-only")
    assert GGUFReader(gguf).fields["general.architecture"].contents() == "llama"
    settings = yaml.safe_load((_exported(project, "axolotl") / "axolotl.yaml").read_text())
    assert settings["lora_r"] == 16
    others = _exported(project, "llamafactory")
    assert yaml.safe_load((others / "llamafactory.yaml").read_text())["lora_rank"] == 16
    rows = [json.loads(line) for line in (others / "train.jsonl").read_text().splitlines()]
    assert all(row["messages"][-1]["training"] for row in rows)
    again = project.luthier("train", "export", "--format", "peft", "--out", str(peft))
    assert again.code == 2
    with project.opened() as work:
        kept = [entry for entry in work.store.audit.entries() if entry.action == "train.export"]
    assert [entry.detail["form"] for entry in kept] == ["peft", "vllm", "merged", "gguf", "axolotl", "llamafactory"]


def test_a_hosted_run_is_a_run_with_its_price_and_its_note(
    project_at: ProjectAt, board: tuple[Switchboard, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    board[0].provider = provider = Provider()
    monkeypatch.setenv("HOSTED_KEY", KEY)
    project = project_at("unapproved")
    written = yaml.safe_load((project.folder / "luthier.yaml").read_text())
    written["train"] = {"epochs": 2, "backend": {
        "kind": "hosted", "base_url": board[1], "key_env": "HOSTED_KEY", "model": MODELS[0], "poll_seconds": 0.01,
        "price_per_million_tokens": 25,
    }}  # fmt: skip
    (project.folder / "luthier.yaml").write_text(yaml.safe_dump(written))
    for _ in range(2):
        done = project.luthier("train", "run", "--force", "--json")
        assert done.code == 0, done.err
    run = TrainingRun.model_validate_json(done.out)
    tokens = provider.jobs["ftjob-1"]["trained_tokens"]
    assert (run.tokens_seen, run.trainable_parameters) == (tokens, None)
    assert float(run.cost.amount) == pytest.approx(tokens * 25 / 1_000_000)
    with project.opened() as work:
        bought = [entry for entry in work.store.ledger.entries() if entry.unit == "million trained tokens"]
        note = json.loads((adapter_folder(work, run.adapter) / "hosted.json").read_text())
    assert note["model"].startswith(f"ft:{MODELS[0]}")
    assert len(bought) == provider.charged == 1
    assert "ftjob-1" in bought[0].subject
