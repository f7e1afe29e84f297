"""The same arithmetic in fewer passes over memory: what a small model spends half of its time on is not its products.

Parameters, names and files stay PEFT's and transformers' own; only `forward` of single modules is replaced, and only
where the replacement computes what the module would (a test compares them).
"""

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch.nn.functional import linear

Grads = tuple[torch.Tensor | None, ...]


def fuse(model: Any, *, adapter: str = "default") -> int:
    """How many modules of `model` now compute in fewer passes."""
    count = 0
    for module in model.modules():
        if _is_plain_lora(module, adapter):
            module.forward = MethodType(_lora_forward, module)
        elif type(module).__name__.endswith("RMSNorm") and _is_plain_norm(module):
            module.forward = MethodType(_norm_forward, module)
        else:
            continue
        count += 1
    return count


class LowRank(torch.autograd.Function):
    """x W' + bias + scale (x A') B', with the sums made inside the products."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch takes tensors by position
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """Rows of `x` changed by the frozen weight and by the two narrow ones."""
        narrow = x @ down.t()
        wide = linear(x, weight, bias).addmm_(narrow, up.t(), alpha=scale)
        ctx.save_for_backward(x, weight, narrow, down, up)
        ctx.scale = scale
        return wide

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Grads:
        """Gradients of x and of the narrow weights; the frozen one has none."""
        x, weight, narrow, down, up = ctx.saved_tensors
        back = gradient @ up
        back *= ctx.scale
        for_x = (gradient @ weight).addmm_(back, down) if ctx.needs_input_grad[0] else None
        for_up = gradient.t() @ narrow
        for_up *= ctx.scale
        return for_x, None, None, back.t() @ x, for_up, None


class RootMeanSquare(torch.autograd.Function):
    """Rows scaled to length 1 per entry, times a frozen weight."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Shape of `x`."""
        inverse = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, inverse, weight)
        scaled: torch.Tensor = (x * inverse).mul_(weight)
        return scaled

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Grads:
        """Gradient of x."""
        x, inverse, weight = ctx.saved_tensors
        scaled = gradient * weight
        along = (scaled * x).sum(dim=-1, keepdim=True).mul_(inverse.pow(3)).div_(-x.shape[-1])
        return scaled.mul_(inverse).addcmul_(x, along), None, None


class LogProbability(torch.autograd.Function):
    """Log-probability of wanted tokens; the whole distribution is never written down but as its own gradient."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, of_pick: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """One figure for each wanted token; `of_pick` says after which of the logits' rows it stands."""
        total = torch.logsumexp(logits, dim=-1)
        ctx.save_for_backward(logits, total, of_pick, wanted)
        return logits[of_pick, wanted] - total[of_pick]

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Grads:
        """Gradient of the logits."""
        logits, total, of_pick, wanted = ctx.saved_tensors
        weights = torch.zeros_like(total).index_add_(0, of_pick, gradient)
        back = (logits - total[:, None]).exp_().mul_(-weights[:, None])
        return back.index_put_((of_pick, wanted), gradient, accumulate=True), None, None


def log_probabilities(logits: torch.Tensor, of_pick: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """`LogProbability` for logits of shape [picks, vocabulary], in 32 bits."""
    return LogProbability.apply(logits.float(), of_pick, wanted)  # type: ignore[no-any-return, no-untyped-call]


def _is_plain_lora(module: Any, adapter: str) -> bool:
    """Whether a module is one frozen linear layer under one adapter without dropout, DoRA or bias of its own."""
    if type(module) is not LoraLinear or list(module.lora_A) != [adapter]:
        return False
    base, up = module.get_base_layer(), module.lora_B[adapter]
    is_bare = isinstance(module.lora_dropout[adapter], torch.nn.Identity) and up.bias is None
    is_frozen = type(base) is torch.nn.Linear and not base.weight.requires_grad
    is_known = base.weight.dtype in {torch.float32, torch.bfloat16} and up.weight.dtype == torch.float32
    return is_bare and is_frozen and not module.lora_variant and is_known


def _lora_forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    name = self.active_adapters[0]
    base = self.get_base_layer()
    if self.disable_adapters:
        return type(self).forward(self, x, *args, **kwargs)  # type: ignore[no-any-return]
    dtype = base.weight.dtype  # as autocast would have it: products in the base's precision, steps in 32 bits
    down, up = self.lora_A[name].weight.to(dtype), self.lora_B[name].weight.to(dtype)
    flat = LowRank.apply(  # type: ignore[no-untyped-call]
        x.flatten(0, -2).to(dtype), base.weight, base.bias, down, up, self.scaling[name]
    )
    return flat.view(*x.shape[:-1], -1)  # type: ignore[no-any-return]


def _is_plain_norm(module: Any) -> bool:
    """Whether a norm is x / rms(x) times its weight, as Llama's; Gemma's adds one to the weight and stays as it is."""
    weight, epsilon = getattr(module, "weight", None), getattr(module, "variance_epsilon", None)
    if weight is None or epsilon is None or weight.requires_grad or weight.dtype != torch.float32:
        return False
    probe = torch.linspace(-1.0, 2.0, weight.shape[-1], device=weight.device)[None]
    with torch.no_grad():
        return torch.allclose(module(probe), RootMeanSquare.apply(probe, weight, epsilon), atol=1e-6)  # type: ignore[no-untyped-call]


def _norm_forward(self: Any, hidden_states: torch.Tensor) -> torch.Tensor:
    return RootMeanSquare.apply(hidden_states, self.weight, self.variance_epsilon)  # type: ignore[no-any-return, no-untyped-call]
