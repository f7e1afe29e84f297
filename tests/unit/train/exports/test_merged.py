"""Adapters worked into their base, and GGUF files of them, read back by transformers and by llama.cpp's own reader."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from luthier.errors import EngineFault, Refused
from luthier.train.backends.gguf import write_merged_gguf
from luthier.train.backends.merge import merge, write_merged
from luthier.train.exports.llamacpp import neighbours_paired
from tests.unit.train.exports.bases import FAMILIES, make_adapter, make_family

TOKENS = torch.tensor([[5, 9, 300, 17, 42, 8], [1, 2, 3, 4, 5, 6]])


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Any:
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a property under its old name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield


def _logits(model: Any) -> torch.Tensor:
    model.eval()
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=TOKENS, use_cache=False).logits
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("settings", [{}, {"use_dora": True}, {"use_rslora": True}], ids=["lora", "dora", "rslora"])
def test_the_merged_folder_answers_as_the_adapter_on_its_base(
    tmp_path: Path, family: str, settings: dict[str, bool]
) -> None:
    base = make_family(family, tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", **settings)
    merged = merge(base, adapter)
    write_merged(merged, base, tmp_path / "merged", lambda: "# card\n", precision="fp32")
    bare = AutoModelForCausalLM.from_pretrained(base)
    untouched = _logits(bare)
    apart = _logits(PeftModel.from_pretrained(bare, str(adapter)))
    whole = _logits(AutoModelForCausalLM.from_pretrained(tmp_path / "merged"))
    assert (apart - untouched).abs().max() > 0.01, "the adapter changes nothing, so this proves nothing"
    assert (whole - apart).abs().max() / apart.abs().max() < 1e-5
    assert merged.difference < 1e-5
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert tokenizer("call ok")["input_ids"] == AutoTokenizer.from_pretrained(base)("call ok")["input_ids"]
    assert (tmp_path / "merged" / "README.md").read_text() == "# card\n"


def test_half_precision_halves_the_file_and_keeps_the_answer_near(tmp_path: Path) -> None:
    base = make_family("llama", tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter")
    for precision in ("fp32", "bf16"):
        write_merged(merge(base, adapter), base, tmp_path / precision, lambda: "", precision=precision)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("bf16", "fp32")]
    assert sizes[0] / sizes[1] == pytest.approx(0.5, abs=0.02)


def test_an_adapter_that_is_no_number_is_not_merged(tmp_path: Path) -> None:
    base = make_family("llama", tmp_path / "base")
    with pytest.raises(EngineFault, match="logits differ"):
        merge(base, make_adapter(base, tmp_path / "adapter", value=float("nan")))


def _reader(tmp_path: Path, family: str, **changes: Any) -> tuple[GGUFReader, Any, Path]:
    base = make_family(family, tmp_path / "base", **changes)
    merged = merge(base, make_adapter(base, tmp_path / "adapter"))
    write_merged_gguf(merged, base, tmp_path / "it.gguf", name="it", precision="fp32", ids_only=False)
    return GGUFReader(tmp_path / "it.gguf"), merged.model, base


def _tensors(reader: GGUFReader) -> dict[str, np.ndarray]:
    """By name, in row-major order."""
    return {tensor.name: np.asarray(tensor.data).reshape(tensor.shape[::-1]) for tensor in reader.tensors}


@pytest.mark.parametrize(
    ("family", "tied"), [(family, tied) for family in FAMILIES for tied in (True, False) if tied or family != "gemma"]
)
def test_llama_cpps_reader_finds_every_weight(tmp_path: Path, family: str, tied: bool) -> None:
    reader, model, _ = _reader(tmp_path, family, tied=tied)
    found = _tensors(reader)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    kept = len(weights) - (1 if tied and "lm_head.weight" in weights else 0)
    assert len(found) == kept
    assert np.array_equal(found["token_embd.weight"], weights["model.embed_tokens.weight"])
    assert np.array_equal(found["blk.1.ffn_down.weight"], weights["model.layers.1.mlp.down_proj.weight"])
    assert ("output.weight" in found) is not tied
    shift = 1 if family == "gemma" else 0
    assert np.allclose(found["output_norm.weight"], weights["model.norm.weight"] + shift)


def test_queries_of_llama_are_turned_for_its_rotation_and_those_of_qwen_are_not(tmp_path: Path) -> None:
    (tmp_path / "l").mkdir(), (tmp_path / "q").mkdir()
    llama, turned, _ = _reader(tmp_path / "l", "llama")
    qwen, straight, _ = _reader(tmp_path / "q", "qwen2")
    name = "model.layers.0.self_attn.q_proj.weight"
    wanted = turned.state_dict()[name].numpy().reshape(4, 2, 8, 64).swapaxes(1, 2).reshape(64, 64)
    assert np.array_equal(_tensors(llama)["blk.0.attn_q.weight"], wanted)
    assert np.array_equal(_tensors(qwen)["blk.0.attn_q.weight"], straight.state_dict()[name].numpy())
    assert "blk.0.attn_q.bias" in _tensors(qwen)


def test_rows_of_a_head_are_paired_with_those_half_a_head_on() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)  # two heads of four rows
    assert neighbours_paired(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_llama_cpps_reader_finds_the_facts_and_the_tokenizer(tmp_path: Path) -> None:
    reader, model, base = _reader(tmp_path, "llama")

    def fact(name: str) -> Any:
        return reader.fields[name].contents()

    assert fact("general.architecture") == "llama"
    assert (fact("llama.block_count"), fact("llama.attention.head_count_kv")) == (2, 2)
    assert fact("llama.rope.dimension_count") == 16
    assert fact("tokenizer.ggml.pre") == "gpt-2"
    assert (fact("tokenizer.ggml.eos_token_id"), fact("tokenizer.ggml.padding_token_id")) == (2, 0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert fact("tokenizer.ggml.tokens")[: len(tokenizer)] == tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    assert len(fact("tokenizer.ggml.tokens")) == model.config.vocab_size == 400
    assert fact("tokenizer.ggml.token_type")[:4] == [3, 3, 3, 1]
    written = json.loads((base / "tokenizer.json").read_text())["model"]["merges"]
    assert fact("tokenizer.ggml.merges") == [" ".join(pair) for pair in written]
    assert fact("tokenizer.chat_template") == tokenizer.chat_template


def test_half_precision_rounds_matrices_and_leaves_norms_alone(tmp_path: Path) -> None:
    base = make_family("llama", tmp_path / "base")
    merged = merge(base, make_adapter(base, tmp_path / "adapter"))
    write_merged_gguf(merged, base, tmp_path / "it.gguf", name="it", precision="bf16", ids_only=False)
    kinds = {tensor.name: tensor.tensor_type.name for tensor in GGUFReader(tmp_path / "it.gguf").tensors}
    assert kinds["blk.0.ffn_up.weight"] == "BF16"
    assert kinds["blk.0.ffn_norm.weight"] == "F32"


def test_a_tokenizer_that_llama_cpp_would_cut_otherwise_needs_a_word(tmp_path: Path) -> None:
    base = make_family("llama", tmp_path / "base")
    written = json.loads((base / "tokenizer.json").read_text())
    written["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Isolated", "invert": False},
        written["pre_tokenizer"] | {"use_regex": False},
    ]}  # fmt: skip
    (base / "tokenizer.json").write_text(json.dumps(written))
    merged = merge(base, make_adapter(base, tmp_path / "adapter"))
    with pytest.raises(Refused, match="cuts text otherwise"):
        write_merged_gguf(merged, base, tmp_path / "it.gguf", name="it", precision="fp32", ids_only=False)
    assert not list(tmp_path.glob("*.gguf"))
    write_merged_gguf(merged, base, tmp_path / "it.gguf", name="it", precision="fp32", ids_only=True)
    assert (tmp_path / "it.gguf").exists()


def test_a_gemma_with_an_output_matrix_of_its_own_is_refused_as_llama_cpp_would(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="output matrix"):
        _reader(tmp_path, "gemma", tied=False)


def test_a_family_without_a_gguf_is_refused(tmp_path: Path) -> None:
    base = make_family("gemma2", tmp_path / "base")
    with pytest.raises(Refused, match="'gemma2'"):
        write_merged_gguf(
            merge(base, make_adapter(base, tmp_path / "adapter")), base, tmp_path / "it.gguf", name="it",
            precision="fp32", ids_only=False,
        )  # fmt: skip
