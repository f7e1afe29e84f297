"""The `data` section of the project file."""

import re
from collections.abc import Mapping
from string import Template
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from luthier.data.synthetic.config import SynthesizeConfig
from luthier.section import Section
from luthier.variants.config import EmbeddingsConfig

LawfulBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]
PreferenceUse = Literal["both", "alone", "off"]
_READS = re.compile(r"\s*(?:select|with)\b[^;]*;?\s*\Z", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/@:\s]*:[^/@\s]+@")
LAWFUL_BASES: tuple[str, ...] = get_args(LawfulBasis)


SourceField = Literal[
    "prompt", "completion", "system", "messages", "chosen", "rejected", "draft", "edited", "instruction", "input",
    "output", "ideal", "conversations", "label", "id", "subject", "lawful_basis", "consent",
    "training_allowed", "date", "synthetic",
]  # fmt: skip
"""What `columns` may map to a name in the file."""
ComposedField = Literal[
    "system", "prompt", "completion", "instruction", "output", "chosen", "rejected", "draft", "edited"
]


class SourceConfig(Section):
    """One source of examples, and why we may use it."""

    path: str = Field(
        min_length=1,
        description="File or folder, relative to the project file; or an address: fsspec, or for `query` SQLAlchemy.",
    )
    format: str = Field(default="auto", description="A registered reader such as `chat`, or `auto` to recognise it.")
    lawful_basis: LawfulBasis = Field(description="GDPR article 6 basis; a row's own `lawful_basis` goes before it.")
    retention_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Rows that state a date leave the data this many days after it."
    )
    training_allowed: bool = Field(
        default=True,
        description="Whether the contract allows training on it; rows for which it does not are refused. A row's own "
        "`training_allowed: false` refuses that row; none can allow what its source forbids.",
    )
    terms: str = Field(
        default="", max_length=500, description="The words of the contract that say so, or where they stand."
    )
    purpose: str = Field(default="", max_length=500, description="What the data was collected for, in one sentence.")
    columns: Mapping[SourceField, str] = Field(
        default_factory=dict, description="Where the file names a field differently: `prompt: question`."
    )
    compose: Mapping[ComposedField, str] = Field(
        default_factory=dict,
        description="Fields made of a record's other fields, named as `$field`: a policy and criteria before the "
        "question (`system`), explicit reasoning before the answer (`completion`). Lists become numbered lines.",
    )
    ours: tuple[str, ...] = Field(
        default=(),
        description="Whose words are answers: mail addresses, domains such as `@firm.example`, author ids of tickets.",
    )
    split: str | None = Field(
        default=None, description="The split to take of a Hugging Face folder that holds several."
    )
    query: str | None = Field(
        default=None, min_length=1, description="SQL to read from `path`; its columns are fields, mapped by `columns`."
    )
    preferences: PreferenceUse = Field(
        default="both",
        description="What rows with a preference teach. `both`: the preference, and the chosen or liked answer as an "
        "ideal one; `alone`: the preference, where chosen answers are better and not ideal; `off`: the answer.",
    )
    synthetic: bool = Field(
        default=False, description="Whether a model wrote the rows; a row's own `synthetic` goes before it."
    )

    @model_validator(mode="after")
    def _a_query_only_reads(self) -> Self:
        if self.query is not None and not _READS.match(self.query):
            raise ValueError("`query` is one SELECT (or WITH ... SELECT) without a semicolon")
        return self

    @model_validator(mode="after")
    def _templates_name_fields(self) -> Self:
        for field, text in self.compose.items():
            template = Template(text)
            if not template.is_valid():
                raise ValueError(f"`compose.{field}` holds a lone `$`; write `$$` for a dollar sign")
            if not template.get_identifiers():
                raise ValueError(f"`compose.{field}` names no field; write `$name` where one belongs")
        return self

    @model_validator(mode="after")
    def _no_password_in_the_file(self) -> Self:
        if _PASSWORD.search(self.path):
            raise ValueError(
                "`path` holds a password; leave it to the driver (`PGPASSWORD`, `~/.pgpass`, an option file)"
            )
        return self


class CleanConfig(Section):
    """What is mended in texts, and which rows are left out; the reasons are counted."""

    mojibake: bool = Field(
        default=True, description="Mend UTF-8 that was read as Latin letters, where that is certain."
    )
    mark_up: bool = Field(default=False, description="Turn HTML in messages into the text that a person sees.")
    quoted_tails: bool = Field(default=False, description="Cut the mails that a user's mail quotes below itself.")
    signatures: bool = Field(default=False, description="Cut signatures off users' mails, and off answers.")
    boilerplate_share: float | None = Field(
        default=None, gt=0.0, le=1.0,
        description="Cut lines that stand in more than this share of the rows of a source (and in 20 rows).",
    )  # fmt: skip
    truncated_answers: Literal["certain", "likely", "keep"] = Field(
        default="certain",
        description="`certain`: broken JSON, open code, a length stop; `likely`: also long prose without an end.",
    )
    languages: tuple[str, ...] = Field(
        default=(), description="ISO 639-1 codes of the languages to keep; rows whose language is unsure stay."
    )
    max_characters: int = Field(default=200_000, ge=1, le=2_000_000, description="Longest conversation.")
    min_answer_characters: int = Field(default=1, ge=1, le=100_000, description="Shortest answer.")
    max_answer_characters: int = Field(default=200_000, ge=1, le=2_000_000, description="Longest answer.")
    check_targets: bool = Field(
        default=True, description="Leave out answers that break the tools or the JSON schema their own row carries."
    )


class StyleSheetConfig(Section):
    """The charter's style: what answers should not say, and how long and in which order they say the rest."""

    phrases: tuple[str, ...] = Field(default=(), description="Outdated or unwanted phrases, in any case and spacing.")
    max_words: int | None = Field(default=None, ge=1, description="Words of an answer beyond which it is verbose.")
    reasoning: tuple[str, ...] = Field(
        default=(),
        description="Headings of explicit reasoning in their order, e.g. [ANALYSIS, RISK LEVEL, RECOMMENDATION].",
    )
    reasoning_where: Mapping[str, str] = Field(
        default_factory=dict, description="Tags of the rows that must reason so; all rows where empty."
    )


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
    alone: tuple[str, ...] = Field(
        default=(),
        description="Entities that count without a word before them that says what they are, such as [UK_NHS, "
        "DATE_TIME]: every number of that look is taken out, and every day, not births only; at the gateway too.",
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
    semantic: Literal["report", "drop", "off"] = Field(
        default="report",
        description="Rows that ask the same in other words and teach the same answer: `report` shows their clusters, "
        "`drop` keeps the first of each, `off` does not look.",
    )
    semantic_threshold: float = Field(
        default=0.8,
        ge=0.5,
        le=1.0,
        description="Share of each question's telling words that the other must say in its own words to be the same.",
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
    clean: CleanConfig = CleanConfig()
    style_sheet: StyleSheetConfig = StyleSheetConfig()
    pii: PiiConfig = PiiConfig()
    duplicates: DuplicatesConfig = DuplicatesConfig()
    contradictions: Literal["block", "drop"] = Field(
        default="block", description="`block` refuses and names the rows; `drop` leaves all of them out."
    )
    leakage: LeakageConfig = LeakageConfig()
    embeddings: EmbeddingsConfig = EmbeddingsConfig()
    gold: GoldConfig = GoldConfig()
    split: SplitConfig = SplitConfig()
    synthesize: SynthesizeConfig = SynthesizeConfig()
    seed: int = Field(default=0, ge=0, description="Decides the draw and the split.")
    engine: Literal["local", "ray"] = Field(
        default="local", description="`local` works on this machine, `ray` on a Ray cluster; the snapshot is the same."
    )
    workers: int | None = Field(
        default=None, ge=1, le=1024, description="Pieces worked on at once; as many as there are cores when absent."
    )

    @model_validator(mode="after")
    def _a_source_is_named_once(self) -> Self:
        paths = [source.path for source in self.sources] + ([self.gold.path] if self.gold.path else [])
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"files are named twice among `sources` and `gold`: {twice}")
        return self
