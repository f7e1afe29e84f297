"""What may be chosen when a model writes rows."""

from pydantic import Field

from luthier.section import Section


class SynthesizeConfig(Section):
    """How a model is asked for rows, and which of them are kept for people to review."""

    prompt: str | None = Field(
        default=None,
        description="A template with $task, $stratum, $examples and $tools; Luthier's own when absent.",
    )
    judge: str | None = Field(
        default=None, description="A model under `models` that refuses rows before people see them; it admits none."
    )
    seeds: int = Field(default=3, ge=1, le=20, description="Real rows of the stratum that each request shows.")
    temperature: float = Field(default=0.8, ge=0.0, le=2.0, description="How freely the model writes.")
    max_tokens: int = Field(default=512, ge=16, le=32_768, description="Longest reply.")
    attempts_per_row: float = Field(
        default=3.0, ge=1.0, le=20.0, description="Requests at most for each row wanted, refused replies included."
    )
    max_characters: int = Field(default=20_000, ge=1, le=2_000_000, description="Longest question and answer together.")
    languages: tuple[str, ...] = Field(
        default=(), description="ISO 639-1 codes that rows may be in; those of `clean.languages` where empty."
    )
    near_threshold: float = Field(
        default=0.7,
        ge=0.3,
        le=1.0,
        description="Shared three-word shingles (Jaccard) from which two questions are one.",
    )
