import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from luthier.train.backends.fused import LogProbability, LowRank, RootMeanSquare, fuse
from luthier.train.types import BaseModel

WRAPPED = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def _wrapped(base: BaseModel, **settings: Any) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base.folder)
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", **settings))
    with torch.no_grad():
        for parameter in wrapped.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape))
    return wrapped


def _loss_and_gradients(model: Any) -> tuple[torch.Tensor, list[torch.Tensor]]:
    tokens = torch.arange(3, 43).view(2, 20)
    loss = model(input_ids=tokens, labels=tokens).loss
    return loss, list(torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad]))


@WRAPPED
def test_a_fused_model_computes_what_peft_and_transformers_do(base: BaseModel) -> None:
    plain = _wrapped(base)
    fused = copy.deepcopy(plain)
    assert fuse(fused) == 2 * (7 + 2) + 1  # per layer seven linear ones and two norms, and the last norm
    (loss, gradients), (expected, plain_gradients) = _loss_and_gradients(fused), _loss_and_gradients(plain)
    torch.testing.assert_close(loss, expected)
    for got, wanted in zip(gradients, plain_gradients, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-6)


@WRAPPED
def test_a_fused_model_without_its_adapter_is_the_base_model(base: BaseModel) -> None:
    wrapped = _wrapped(base)
    fuse(wrapped)
    tokens = torch.arange(3, 23)[None]
    with torch.no_grad(), wrapped.disable_adapter():
        without = wrapped(input_ids=tokens).logits
        plain = AutoModelForCausalLM.from_pretrained(base.folder)(input_ids=tokens).logits
    torch.testing.assert_close(without, plain, rtol=1e-4, atol=1e-5)


@WRAPPED
@pytest.mark.parametrize("settings", [{"lora_dropout": 0.1}, {"use_dora": True}])
def test_what_is_more_than_a_plain_adapter_is_left_to_peft(base: BaseModel, settings: dict[str, Any]) -> None:
    assert fuse(_wrapped(base, **settings)) == 2 * 2 + 1  # the norms alone


@WRAPPED
def test_a_fused_model_in_sixteen_bits_stays_as_close_to_thirty_two_as_peft_does(base: BaseModel) -> None:
    exact = _loss_and_gradients(_wrapped(base))
    low = _wrapped(base)
    for name, parameter in low.named_parameters():
        if "lora_" not in name:
            parameter.data = parameter.data.bfloat16()
    fused = copy.deepcopy(low)
    assert fuse(fused) == 2 * 7  # norms in sixteen bits are left alone
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = _loss_and_gradients(fused), _loss_and_gradients(low)
    assert abs(ours[0] - exact[0]) < 2 * abs(theirs[0] - exact[0]) + 0.02
    for got, peft, wanted in zip(ours[1], theirs[1], exact[1], strict=True):
        assert got.dtype == torch.float32
        assert (got - wanted).norm() < 1.5 * (peft - wanted).norm() + 1e-3 * wanted.norm()


def test_gradients_of_the_fused_sums_are_those_of_their_formulas() -> None:
    draws = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draws, dtype=torch.float64)

    x, weight, bias, down, up = drawn(5, 4), drawn(3, 4), drawn(3), drawn(2, 4), drawn(3, 2)
    trained = [tensor.requires_grad_() for tensor in (x, down, up)]
    assert torch.autograd.gradcheck(lambda x, a, b: LowRank.apply(x, weight, bias, a, b, 0.7), trained)
    scale = drawn(4)
    assert torch.autograd.gradcheck(lambda x: RootMeanSquare.apply(x, scale, 1e-6), (x,))
    logits = drawn(3, 6).requires_grad_()
    of_pick, wanted = torch.tensor([0, 1, 1, 2]), torch.tensor([5, 0, 0, 3])
    assert torch.autograd.gradcheck(lambda given: LogProbability.apply(given, of_pick, wanted), (logits,))


def test_log_probabilities_of_one_place_may_be_asked_for_twice() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    found = LogProbability.apply(logits, torch.tensor([0, 0]), torch.tensor([2, 0]))
    expected = torch.log_softmax(logits, dim=-1)[0]
    torch.testing.assert_close(found, expected[[2, 0]])
