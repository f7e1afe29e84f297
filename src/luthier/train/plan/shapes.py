"""The shape of a decoder from its config.json alone: every matrix it has, no weight read."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, Field, ValidationError

from luthier.domain.value import Value
from luthier.errors import Faults, UserError

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text")
_TIED_BY_DEFAULT = frozenset({"gemma", "gemma2", "gemma3_text"})
_HEAD_DIM_256_BY_DEFAULT = frozenset({"gemma", "gemma2", "gemma3_text"})
_NORMS_PER_LAYER = {"gemma2": 4, "gemma3_text": 4}
_NORMED_HEADS = frozenset({"qwen3", "gemma3_text"})


class Linear(Value):
    """One matrix of a layer, by the name that adapters know it by."""

    name: str
    inputs: int = Field(gt=0)
    outputs: int = Field(gt=0)
    has_bias: bool = False

    @property
    def parameters(self) -> int:
        """Entries of the matrix and of its bias."""
        return self.inputs * self.outputs + (self.outputs if self.has_bias else 0)


class _Config(BaseModel):
    """The keys of config.json that decide a dense decoder's shape; the rest do not matter here."""

    model_type: str
    vocab_size: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    num_hidden_layers: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    tie_word_embeddings: bool | None = None
    attention_bias: bool = False
    mlp_bias: bool = False
    max_position_embeddings: int = 2048


class ModelShape(Value):
    """A dense decoder: embeddings, equal layers of named matrices, norms, and an output matrix unless it is tied."""

    family: str
    vocabulary: int
    hidden: int
    layers: int
    linears: tuple[Linear, ...] = Field(description="Of one layer, in the order in which they compute.")
    query_heads: int
    key_value_heads: int
    norms_per_layer: int = Field(description="Over the whole width; norms of single heads come on top.")
    has_normed_heads: bool
    norm_parameters: int = Field(description="Of the whole model.")
    is_tied: bool = Field(description="Whether the output matrix is the embedding matrix.")
    context_tokens: int

    @classmethod
    def of_config(cls, config: Mapping[str, object], *, name: str = "config.json") -> Self:
        """The shape that a config.json tells; UserError for a family whose matrices are not known here."""
        family = config.get("model_type")
        if family not in FAMILIES:
            raise UserError(
                f"{name} is of the family {str(family)!r}, whose size is not known from its config",
                hint=f"plan with one of {', '.join(FAMILIES)}",
            )
        try:
            return cls._of(_Config.model_validate(config))
        except ValidationError as fault:
            faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in fault.errors()]
            raise Faults(name, faults, hint="give the config.json that transformers wrote") from fault

    @classmethod
    def _of(cls, config: _Config) -> Self:
        tied = config.tie_word_embeddings
        width = _head_width(config)
        around = _NORMS_PER_LAYER.get(config.model_type, 2)
        has_normed_heads = config.model_type in _NORMED_HEADS
        norms = around * config.hidden_size + (2 * width if has_normed_heads else 0)
        return cls(
            family=config.model_type,
            vocabulary=config.vocab_size,
            hidden=config.hidden_size,
            layers=config.num_hidden_layers,
            linears=_linears(config, width),
            query_heads=config.num_attention_heads,
            key_value_heads=config.num_key_value_heads or config.num_attention_heads,
            norms_per_layer=around,
            has_normed_heads=has_normed_heads,
            norm_parameters=norms * config.num_hidden_layers + config.hidden_size,
            is_tied=config.model_type in _TIED_BY_DEFAULT if tied is None else tied,
            context_tokens=config.max_position_embeddings,
        )

    @property
    def embedding_parameters(self) -> int:
        """Of the embedding matrix, and of the output matrix where it is one of its own."""
        return self.vocabulary * self.hidden * (1 if self.is_tied else 2)

    @property
    def linear_parameters(self) -> int:
        """Of all layers' matrices: what 4-bit quantization shrinks and all-linear adapters stand beside."""
        return self.layers * sum(linear.parameters for linear in self.linears)

    @property
    def total_parameters(self) -> int:
        """Every weight once."""
        return self.embedding_parameters + self.linear_parameters + self.norm_parameters

    @property
    def multiplied_parameters(self) -> int:
        """Weights that every token is multiplied with: the layers and the output matrix, not the looked-up rows."""
        return self.linear_parameters + self.vocabulary * self.hidden

    @property
    def attention_width(self) -> int:
        """Width of all query heads together."""
        return self.linear("q_proj").outputs

    @property
    def key_value_width(self) -> int:
        """Width of keys and values together."""
        return 2 * self.linear("k_proj").outputs

    @property
    def feed_forward_width(self) -> int:
        """Width between the gate and the way down."""
        return self.linear("down_proj").inputs

    def linear(self, name: str) -> Linear:
        """The matrix of that name in one layer; UserError names the known ones."""
        for linear in self.linears:
            if linear.name == name:
                return linear
        raise UserError(
            f"the model has no linear layers named {name!r}", hint=f"choose from {[each.name for each in self.linears]}"
        )


def _head_width(config: _Config) -> int:
    if config.head_dim is not None:
        return config.head_dim
    if config.model_type in _HEAD_DIM_256_BY_DEFAULT:
        return 256
    return 128 if config.model_type == "qwen3" else config.hidden_size // config.num_attention_heads


def _linears(config: _Config, width: int) -> tuple[Linear, ...]:
    hidden, wide = config.hidden_size, config.intermediate_size
    queries = config.num_attention_heads * width
    keys = (config.num_key_value_heads or config.num_attention_heads) * width
    projects_with_bias = config.attention_bias or config.model_type == "qwen2"  # qwen2 has no key for it
    leaves_with_bias = config.attention_bias and config.model_type != "qwen2"
    has_bias = config.mlp_bias
    return (
        Linear(name="q_proj", inputs=hidden, outputs=queries, has_bias=projects_with_bias),
        Linear(name="k_proj", inputs=hidden, outputs=keys, has_bias=projects_with_bias),
        Linear(name="v_proj", inputs=hidden, outputs=keys, has_bias=projects_with_bias),
        Linear(name="o_proj", inputs=queries, outputs=hidden, has_bias=leaves_with_bias),
        Linear(name="gate_proj", inputs=hidden, outputs=wide, has_bias=has_bias),
        Linear(name="up_proj", inputs=hidden, outputs=wide, has_bias=has_bias),
        Linear(name="down_proj", inputs=wide, outputs=hidden, has_bias=has_bias),
    )
