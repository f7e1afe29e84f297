"""One way to answer: prompt + retrieval or none + model + adapter or none + decoding."""

from typing import Literal

from pydantic import Field

from luthier.domain.digests import digest_of
from luthier.domain.examples import Example
from luthier.domain.value import Value


class ModelRef(Value):
    """A base model behind a named engine; `weights` pins the exact bytes of a local one."""

    engine: str = Field(description="A registered engine: `local`, `openai`, `nearest`.")
    id: str
    base_url: str | None = None
    weights: str | None = Field(default=None, description="SHA-256 of a local model's weight files.")


class Decoding(Value):
    """How the answer is drawn from the model."""

    max_tokens: int = Field(default=96, ge=1, le=32_768)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    seed: int = 0
    stop: tuple[str, ...] = ()


class RetrievalRef(Value):
    """A knowledge base at one state of its documents."""

    kb: str
    index: str = Field(description="Digest of the documents and of how they were cut.")
    top_k: int = Field(default=4, ge=1, le=50)


class ShotChoice(Value):
    """How worked examples are chosen for each question, from all that the variant holds."""

    how: Literal["similar", "diverse"]
    count: int = Field(ge=1, le=64, description="Examples shown with one question.")


class Variant(Value):
    """The one thing that is evaluated, released, served and compared."""

    name: str
    model: ModelRef
    prompt: str = Field(description="The template of the system prompt, as it was.")
    shots: tuple[Example, ...] = Field(default=(), description="Worked examples, shown before the question.")
    shot_choice: ShotChoice | None = Field(
        default=None, description="None: all are shown; else each question is shown a choice of them."
    )
    retrieval: RetrievalRef | None = None
    adapter: str | None = Field(default=None, description="Digest of the adapter, or of the whole tuned model.")
    decoding: Decoding = Decoding()

    @property
    def digest(self) -> str:
        """Digest of everything that changes answers; the name does not."""
        return digest_of(self.model_dump(mode="json", exclude={"name"}))
