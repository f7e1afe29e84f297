"""How much memory a run needs on each device, by component.

What autograd keeps was read off PyTorch 2.13, transformers 5.23 and peft 0.21 with saved-tensor hooks, and a test
holds the formulas against them. Peaks inside the kernels of a device are not in them; the overhead stands for those.
"""

from pydantic import Field

from luthier.domain.value import Value
from luthier.train.plan.shapes import ModelShape
from luthier.train.plan.tuning import Tuning, adapted, trainable_parameters

GIB = 1 << 30
FLOAT_BYTES = 4
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Of one weight: 4 bits, a byte per block of 64, a float per 256 blocks (Dettmers et al., QLoRA, 2023, section 3)."""
MOMENT_BYTES = {"adamw": 8, "muon": 4}
GRADIENT_COPIES = 2
"""The sum over micro-batches and the newest of them."""
LOGIT_BYTES = 12
"""Of one logit at the worst moment: as computed, in float, its log-softmax, and on the way back its gradient."""
DEVICE_OVERHEAD_BYTES = GIB
"""Context, libraries and workspaces of an accelerator; of a CPU the imported libraries, which take 0.6 to 0.8 GiB."""
FRAGMENTATION_SHARE = 0.05
"""Of activations and logits, lost between blocks of differing size."""
EAGER_ATTENTION_BYTES = {"gemma2": 8}
"""Per head and pair of positions, where scores are capped and attention is no fused kernel."""


class MemoryNeed(Value):
    """Bytes that one device needs at the worst moment of a run."""

    weights: int = Field(description="The model as it lies in memory.")
    adapter: int = Field(description="The adapter's own weights.")
    gradients: int
    optimizer: int
    activations: int = Field(description="Kept for the way back.")
    logits: int = Field(description="If every token were a target.")
    overhead: int = Field(description="Libraries, workspaces, gathered or unpacked layers, fragmentation.")

    @property
    def total(self) -> int:
        """The sum of all components."""
        return sum(dict(self).values())


def memory_need(shape: ModelShape, tuning: Tuning) -> MemoryNeed:
    """What each device needs; sharded devices hold an equal share of what does not depend on the batch."""
    trainable = trainable_parameters(shape, tuning)
    is_full = tuning.kind == "none"
    shares = tuning.devices if tuning.is_sharded else 1
    computed = _computed_bytes(tuning)
    activations = activation_bytes(shape, tuning)
    logits = tuning.tokens_at_once * shape.vocabulary * LOGIT_BYTES
    return MemoryNeed(
        weights=-(-round(_weight_bytes(shape, tuning)) // shares),
        adapter=0 if is_full else -(-trainable * (FLOAT_BYTES + _cast_bytes(tuning)) // shares),
        gradients=-(-trainable * FLOAT_BYTES * GRADIENT_COPIES // shares),
        optimizer=-(-trainable * MOMENT_BYTES[tuning.optimizer] // shares),
        activations=activations,
        logits=logits,
        overhead=DEVICE_OVERHEAD_BYTES
        + round((activations + logits) * FRAGMENTATION_SHARE)
        + _unpacked_bytes(shape, tuning, computed),
    )


def activation_bytes(shape: ModelShape, tuning: Tuning) -> int:
    """What autograd keeps of all layers; with checkpoints, their inputs and one layer in full."""
    layer = tuning.tokens_at_once * _bytes_per_token(shape, tuning)
    if not tuning.is_checkpointed:
        return shape.layers * layer
    residual = FLOAT_BYTES if tuning.kind == "none" else _computed_bytes(tuning)
    return shape.layers * tuning.tokens_at_once * shape.hidden * residual + layer


def _bytes_per_token(shape: ModelShape, tuning: Tuning) -> int:
    """Kept of one token in one layer."""
    heads = shape.attention_width + shape.key_value_width  # what attention reads
    attention = _computed_bytes(tuning) * (heads + shape.attention_width) + FLOAT_BYTES * shape.query_heads
    gate = 3 * _computed_bytes(tuning) * shape.feed_forward_width  # before and after the gate's curve, and beside it
    pairs = EAGER_ATTENTION_BYTES.get(shape.family, 0) * shape.query_heads * tuning.row_tokens
    return _norm_bytes(shape, tuning) + _input_bytes(shape, tuning) + attention + gate + pairs


def _norm_bytes(shape: ModelShape, tuning: Tuning) -> int:
    """Norms keep their input and its length in float; one that is trained keeps what its weight multiplies, too."""
    kept = 2 if tuning.kind == "none" else 1
    around = shape.norms_per_layer * (kept * shape.hidden + 1) * FLOAT_BYTES
    if not shape.has_normed_heads:
        return around
    normed = shape.attention_width + shape.key_value_width // 2
    count = shape.query_heads + shape.key_value_heads
    trained = _computed_bytes(tuning) * normed if tuning.kind == "none" else 0
    return around + (normed + count) * FLOAT_BYTES + trained


def _input_bytes(shape: ModelShape, tuning: Tuning) -> int:
    """Inputs of trained matrices. In float they are shared; in half precision each matrix casts one of its own."""
    size = _computed_bytes(tuning)
    trained = shape.linears if tuning.kind == "none" else adapted(shape, tuning)
    if tuning.precision == "fp32":
        names = {each.name for each in trained}
        shared = shape.hidden * (bool(names & {"q_proj", "k_proj", "v_proj"}) + bool(names & {"gate_proj", "up_proj"}))
        inputs = shared + (shape.feed_forward_width if "down_proj" in names else 0)
    else:
        # full fine-tuning finds attention's output in half precision already; adapters cast it up and down again
        inputs = sum(each.inputs for each in trained if tuning.kind != "none" or each.name != "o_proj")
    between = len(trained) * (tuning.rank or 0)
    scaled = 2 * sum(each.outputs for each in trained) if tuning.kind == "dora" else 0
    return size * (inputs + between + scaled)


def _weight_bytes(shape: ModelShape, tuning: Tuning) -> float:
    if tuning.kind == "none":
        return shape.total_parameters * (FLOAT_BYTES + _cast_bytes(tuning))
    size = _computed_bytes(tuning)
    if tuning.kind != "qlora":
        return shape.total_parameters * size
    biases = shape.layers * sum(each.outputs for each in shape.linears if each.has_bias)
    packed = shape.linear_parameters - biases
    return packed * NF4_BYTES + (shape.total_parameters - packed) * size


def _unpacked_bytes(shape: ModelShape, tuning: Tuning, size: int) -> int:
    """A matrix unpacked from 4 bits, a layer gathered from all shards, or DoRA's matrices with their adapters on."""
    matrices = [each.parameters for each in shape.linears]
    gathered = sum(matrices) * size if tuning.is_sharded and tuning.devices > 1 else 0
    composed = shape.layers * sum(matrices) * size if tuning.kind == "dora" else 0
    return gathered + composed + (max(matrices) * size if tuning.kind == "qlora" else 0)


def _computed_bytes(tuning: Tuning) -> int:
    return 2 if tuning.precision == "bf16" else FLOAT_BYTES


def _cast_bytes(tuning: Tuning) -> int:
    """Of the half-precision copy that autocast makes of a float weight."""
    return 2 if tuning.precision == "bf16" else 0
