"""The whole of `luthier.yaml`: one section per stage, and where things are kept."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr

from luthier.assess.config import AssessConfig, CharterConfig
from luthier.costs.config import CostsConfig
from luthier.data.config import DataConfig
from luthier.evaluate.config import EvaluationConfig
from luthier.evaluate.judges.config import JudgeConfig
from luthier.gateway.config import GatewayConfig
from luthier.monitor.config import MonitorConfig
from luthier.project.references import DEFAULT_MODEL
from luthier.release.config import ReleaseConfig
from luthier.review.config import ReviewConfig
from luthier.rollout.config import RolloutConfig
from luthier.section import Section
from luthier.train.config import TrainConfig
from luthier.train.plan.hardware import Hardware
from luthier.variants.config import ModelConfig, RetrievalConfig, VariantConfig


class StoreConfig(Section):
    """Where this project's database and artifacts live."""

    home: Path = Field(default=Path(".luthier"), description="Folder of everything kept; from the project's folder.")
    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL, SQLite in `home` when absent; may hold `${NAME}` for a password."
    )
    artifacts_url: str | None = Field(
        default=None, min_length=1, description="fsspec URL of the artifacts, a folder in `home` when absent."
    )


class EvaluationSection(EvaluationConfig):
    """Article 004's `evaluation` block: the benchmarks, who releases on them, and what is watched afterwards."""

    judges: Mapping[str, JudgeConfig] = Field(
        default={}, description="Name -> a model that judges answers; without a licence it informs and never gates."
    )
    production_release: ReleaseConfig | None = Field(
        default=None, description="Who approves and what must be beaten; without it nothing can be released."
    )
    production_monitoring: MonitorConfig = Field(
        default=MonitorConfig(), description="How often served traffic is checked, and what raises an alarm."
    )


class ProjectConfig(Section):
    """One narrow business problem, and everything that may be chosen about solving it."""

    project: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="Name: lower-case letters, digits and hyphens."
    )
    charter: CharterConfig = Field(description="The problem, its KPIs with owners, and when to stop.")
    tools: str | None = Field(
        default=None, min_length=1, description="JSON file of the tools that answers may call, in OpenAI's shape."
    )
    models: Mapping[str, ModelConfig] = Field(
        default={DEFAULT_MODEL: ModelConfig()},
        min_length=1,
        description="Name -> base model and the engine that runs it.",
    )
    retrieval: Mapping[str, RetrievalConfig] = Field(default={}, description="Name -> knowledge base.")
    data: DataConfig = Field(description="Sources, the rules they pass through, and the splits they end in.")
    review: ReviewConfig = Field(default=ReviewConfig(), description="How many people must look at a row.")
    variants: Mapping[str, VariantConfig] = Field(min_length=1, description="Name -> one way to answer.")
    assess: AssessConfig = Field(default=AssessConfig(), description="What the verdict on tuning is drawn from.")
    train: TrainConfig = Field(default=TrainConfig(), description="One tuning run.")
    hardware: Mapping[str, Hardware] = Field(
        default={}, description="Name -> a machine that `luthier train plan` may plan for, beside the known ones."
    )
    evaluation: EvaluationSection = Field(default=EvaluationSection(), description="What is measured, and who decides.")
    rollout: RolloutConfig = Field(default=RolloutConfig(), description="How a release earns its traffic.")
    costs: CostsConfig = Field(default=CostsConfig(), description="Prices, and what no log can know.")
    gateway: GatewayConfig = Field(default=GatewayConfig(), description="Where applications reach the release.")
    store: StoreConfig = Field(default=StoreConfig(), description="Database and artifacts.")
