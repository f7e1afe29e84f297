"""What a project may say about models, knowledge bases and variants."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from luthier.domain.money import TokenPrice
from luthier.domain.variants import Decoding
from luthier.section import Section

Search = Literal["hybrid", "words", "meaning"]
Fusion = Literal["scores", "ranks"]
Choice = Literal["random", "similar", "diverse"]


def plain_address(url: str | None) -> str | None:
    """An http or https address without credentials and without a slash at its end; ValueError for any other."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("`base_url` must be an http or https address, such as http://127.0.0.1:8001/v1")
    if parts.username or parts.password:
        raise ValueError("`base_url` must hold no credentials; name their variable in `api_key_env`")
    return url.rstrip("/")


class ModelConfig(Section):
    """A base model and the engine that runs it."""

    engine: str = Field(default="local", description="A registered engine: `local`, `openai`, `nearest`, `recorded`.")
    id: str = Field(
        default="bundled",
        min_length=1,
        description="`bundled`, a folder, a Hugging Face id, a remote model's name, or a file of recorded answers.",
    )
    base_url: str | None = Field(default=None, description="Where the `openai` engine listens, ending in `/v1`.")
    api_key_env: str | None = Field(
        default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Environment variable that holds the key."
    )
    timeout_seconds: float = Field(default=60.0, gt=0, le=3_600, description="Of one attempt at one answer.")
    max_attempts: int = Field(default=4, ge=1, le=10, description="Tries per answer on 429, 5xx and timeouts.")
    concurrency: int = Field(default=8, ge=1, le=256, description="Requests in flight at a remote engine.")
    threads: int | None = Field(default=None, ge=1, le=512, description="CPU threads of a local engine.")
    batch_size: int = Field(default=32, ge=1, le=512, description="Rows a local engine runs at once.")
    price: TokenPrice = Field(default=TokenPrice(), description="What the engine charges per million tokens.")

    @field_validator("base_url")
    @classmethod
    def _plain_http(cls, url: str | None) -> str | None:
        return plain_address(url)

    @model_validator(mode="after")
    def _a_remote_engine_has_an_address(self) -> Self:
        if self.engine == "openai" and not self.base_url:
            raise ValueError("engine `openai` needs `base_url`, such as http://127.0.0.1:8001/v1")
        return self


class EmbeddingsConfig(Section):
    """What turns questions into vectors where rows are compared by what they mean."""

    engine: Literal["bundled", "local", "openai"] = Field(
        default="bundled",
        description="`bundled`: word vectors of the package; `local`: an encoder of this machine; `openai`: an "
        "endpoint with `/v1/embeddings`, which is sent the questions as they are after personal data was taken out.",
    )
    id: str | None = Field(
        default=None, min_length=1, description="A folder or Hugging Face id (safetensors), or the endpoint's model."
    )
    base_url: str | None = Field(default=None, description="Where the endpoint listens, ending in `/v1`.")
    api_key_env: str | None = Field(
        default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Environment variable that holds the key."
    )
    batch_size: int = Field(default=32, ge=1, le=2_048, description="Texts encoded at once.")
    timeout_seconds: float = Field(default=60.0, gt=0, le=3_600, description="Of one request to the endpoint.")

    @field_validator("base_url")
    @classmethod
    def _plain_http(cls, url: str | None) -> str | None:
        return plain_address(url)

    @model_validator(mode="after")
    def _an_encoder_is_named(self) -> Self:
        if (self.engine != "bundled") != (self.id is not None):
            raise ValueError("`id` names the encoder of engines `local` and `openai`, and of no other")
        if (self.engine == "openai") != (self.base_url is not None):
            raise ValueError("`base_url` goes with engine `openai`, and with no other")
        return self


class RetrievalConfig(Section):
    """A folder of documents, how it is cut, and how much of it a model is shown."""

    documents: str = Field(min_length=1, description="Folder of .md and .txt files, relative to the project file.")
    top_k: int = Field(default=4, ge=1, le=50, description="Passages shown per question.")
    chunk_characters: int = Field(default=600, ge=80, le=20_000, description="Longest passage.")
    search: Search = Field(default="hybrid", description="`words` (BM25), `meaning` (vectors), or `hybrid`: both.")
    fusion: Fusion = Field(
        default="scores",
        description="How `hybrid` makes one order of two: by `scores`, or by `ranks` alone (reciprocal rank fusion).",
    )
    meaning_weight: float = Field(
        default=0.2, gt=0, le=10, description="What meaning counts beside words, in `hybrid`."
    )
    embeddings: EmbeddingsConfig = Field(
        default=EmbeddingsConfig(), description="What gives the vectors; an endpoint is sent passages and questions."
    )


class DecodingConfig(Section):
    """How answers are drawn."""

    max_tokens: int = Field(default=96, ge=1, le=32_768, description="Longest answer.")
    temperature: float = Field(default=0.0, ge=0.0, le=2.0, description="0 takes the likeliest token each time.")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="Of sampled answers.")
    stop: tuple[str, ...] = Field(default=(), max_length=16, description="Texts that end an answer.")

    def decoding(self) -> Decoding:
        """The same as a domain value."""
        return Decoding(**self.model_dump())


class VariantConfig(Section):
    """One way to answer, by the names of its parts."""

    model: str = Field(min_length=1, description="A name under `models`.")
    prompt: str = Field(min_length=1, description="Path of the system prompt's template.")
    examples: int = Field(default=0, ge=0, le=64, description="Worked examples shown before the question.")
    choose: Choice = Field(
        default="random",
        description="`random`: the same examples always, drawn from all strata; `similar`: for each question those "
        "closest to it; `diverse`: close ones that differ from each other.",
    )
    choose_from: int = Field(
        default=200,
        ge=2,
        le=2_000,
        description="Training rows that `similar` and `diverse` choose from, of all strata.",
    )
    retrieval: str | None = Field(default=None, description="A name under `retrieval`.")
    adapter: Literal["train"] | None = Field(
        default=None, description="`train`: carries what is trained here, an adapter or every weight."
    )
    decoding: DecodingConfig = DecodingConfig()

    @model_validator(mode="after")
    def _there_is_something_to_choose(self) -> Self:
        if self.choose != "random" and not self.examples:
            raise ValueError(f"`choose: {self.choose}` chooses examples and `examples` is 0; try `examples: 4`")
        if self.choose != "random" and self.choose_from < self.examples:
            raise ValueError("`choose_from` is smaller than `examples`; there would be no choice")
        return self
