"""What vLLM would take, from an adapter's files."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from luthier.errors import Faults, MissingInput
from luthier.train.exports.vllm import check_layout, serving_notes

GOOD: dict[str, Any] = {
    "peft_type": "LORA", "r": 8, "bias": "none", "use_dora": False, "modules_to_save": None,
    "target_modules": ["q_proj"],
}  # fmt: skip
MODULE = "base_model.model.model.layers.0.self_attn.q_proj"


def _adapter(folder: Path, tensors: dict[str, torch.Tensor] | None = None, **changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(GOOD | changes))
    pair = {f"{MODULE}.lora_A.weight": torch.zeros(8, 4), f"{MODULE}.lora_B.weight": torch.zeros(4, 8)}
    save_file(pair if tensors is None else tensors, str(folder / "adapter_model.safetensors"))
    return folder


@pytest.mark.parametrize(("rank", "allowed"), [(8, 8), (9, 16), (32, 32), (300, 320)])
def test_the_smallest_rank_that_vllm_may_be_started_with_is_named(tmp_path: Path, rank: int, allowed: int) -> None:
    pair = {f"{MODULE}.lora_A.weight": torch.zeros(rank, 4), f"{MODULE}.lora_B.weight": torch.zeros(4, rank)}
    assert check_layout(_adapter(tmp_path / "a", pair, r=rank)) == allowed


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"peft_type": "IA3"}, "peft_type"),
        ({"r": 513}, "513"),
        ({"target_modules": []}, "target_modules"),
    ],
)
def test_what_vllm_refuses_is_refused_by_its_name(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(Faults, match=told):
        check_layout(_adapter(tmp_path / "a", **changes))


def test_a_lone_half_a_strange_tensor_and_a_wrong_rank_are_all_told_at_once(tmp_path: Path) -> None:
    other = MODULE.replace("q_proj", "v_proj")
    tensors = {
        f"{MODULE}.lora_A.weight": torch.zeros(8, 4),
        "base_model.model.lm_head.weight": torch.zeros(2, 2),
        f"{other}.lora_A.weight": torch.zeros(4, 4),
        f"{other}.lora_B.weight": torch.zeros(4, 4),
    }
    with pytest.raises(Faults) as refused:
        check_layout(_adapter(tmp_path / "a", tensors))
    told = "\n".join(refused.value.faults)
    assert "lora_A alone" in told
    assert "lm_head.weight" in told
    assert "has rank 4" in told


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    folder = _adapter(tmp_path / "a")
    (folder / "adapter_model.safetensors").write_bytes(b"PK")
    with pytest.raises(MissingInput, match="safetensors"):
        check_layout(folder)


def test_the_notes_name_base_rank_and_route() -> None:
    notes = serving_notes("crm", "meta/base", 16)
    assert "vllm serve meta/base --enable-lora --max-lora-rank 16" in notes
    assert "/v1/load_lora_adapter" in notes
