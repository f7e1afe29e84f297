"""The `data` section of the project file."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from luthier.section import Section

LawfulBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]
LAWFUL_BASES: tuple[str, ...] = get_args(LawfulBasis)


class SourceConfig(Section):
    """One file of examples, and why we may use it."""

    path: str = Field(min_length=1, description="File, relative to the project file.")
    format: str = Field(default="auto", description="A registered reader such as `chat`, or `auto` to recognise it.")
    lawful_basis: LawfulBasis = Field(description="GDPR article 6 basis; a row's own `lawful_basis` goes before it.")
    retention_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Rows that state a date leave the data this many days after it."
    )
    purpose: str = Field(default="", max_length=500, description="What the data was collected for, in one sentence.")


class PiiConfig(Section):
    """What happens to personal data in text."""

    action: Literal["mask", "replace", "hash", "encrypt", "off"] = Field(
        default="mask",
        description="`mask` writes <EMAIL_ADDRESS>, `hash` adds a salted digest, `replace` writes a made-up value, "
        "`encrypt` locks the value under the key that `key` names.",
    )
    ner: str = Field(
        default="bundled",
        min_length=1,
        description="What finds names and places: `bundled`, `off`, or a token-classification model of Hugging Face "
        "(its id, or a folder with safetensors). Requests at the gateway are searched with patterns only.",
    )
    key: str | None = Field(
        default=None, pattern="^[A-Z][A-Z0-9_]*$", description="Environment variable that holds the key of `encrypt`."
    )
    cleared_by: str | None = Field(
        default=None, description="Who allowed personal data to stay; needed for `action: off` and `ner: off`."
    )
    reason: str | None = Field(default=None, description="Why it may stay; needed for `action: off` and `ner: off`.")

    @model_validator(mode="after")
    def _off_is_somebody_s_decision(self) -> Self:
        off = [f"{name}: off" for name in ("action", "ner") if getattr(self, name) == "off"]
        if off and not ((self.cleared_by or "").strip() and (self.reason or "").strip()):
            raise ValueError(f"`{off[0]}` leaves personal data in; it needs `cleared_by` and `reason`")
        if (self.action == "encrypt") != (self.key is not None):
            raise ValueError("`action: encrypt` and `key` go together; `key` names an environment variable")
        return self


class DuplicatesConfig(Section):
    """When two rows count as one."""

    near_threshold: float = Field(
        default=0.85, ge=0.5, le=1.0, description="Rarity-weighted word overlap from which two questions are one."
    )


class LeakageConfig(Section):
    """When a training row gives a test row away, which blocks."""

    near_threshold: float = Field(
        default=0.85, ge=0.5, le=1.0, description="Rarity-weighted word overlap from which a row repeats a test row."
    )
    paraphrase_threshold: float = Field(
        default=0.35, ge=0.1, le=1.0, description="Contrast from which a row is a suspected paraphrase of a test row."
    )


class GoldConfig(Section):
    """The frozen benchmark: a file, or a stratified draw."""

    path: str | None = Field(default=None, description="A file of gold rows; nothing is drawn then.")
    format: str = Field(default="auto", description="A registered reader for `path`.")
    lawful_basis: LawfulBasis | None = Field(
        default=None, description="GDPR article 6 basis of `path`; that of the sources, where they all have the same."
    )
    size: int = Field(default=500, ge=1, le=1_000_000, description="Rows to draw from the sources.")
    stratify_by: tuple[str, ...] = Field(default=(), description="Tags whose shares the draw keeps.")

    @model_validator(mode="after")
    def _a_file_or_a_draw(self) -> Self:
        if self.path is not None and "size" in self.model_fields_set:
            raise ValueError("`path` and `size` exclude each other: the gold set is a file or a draw")
        return self


class SplitConfig(Section):
    """How the rows that are not gold are divided."""

    validation: float = Field(default=0.1, ge=0.0, le=0.5, description="Share of them held back for validation.")
    group_by: str | None = Field(default=None, description="Rows with the same value of this tag stay together.")


class DataConfig(Section):
    """Sources, the rules they pass through, and the splits they end in."""

    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    pii: PiiConfig = PiiConfig()
    duplicates: DuplicatesConfig = DuplicatesConfig()
    contradictions: Literal["block", "drop"] = Field(
        default="block", description="`block` refuses and names the rows; `drop` leaves all of them out."
    )
    leakage: LeakageConfig = LeakageConfig()
    gold: GoldConfig = GoldConfig()
    split: SplitConfig = SplitConfig()
    seed: int = Field(default=0, ge=0, description="Decides the draw and the split.")

    @model_validator(mode="after")
    def _a_source_is_named_once(self) -> Self:
        paths = [source.path for source in self.sources] + ([self.gold.path] if self.gold.path else [])
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"files are named twice among `sources` and `gold`: {twice}")
        return self
