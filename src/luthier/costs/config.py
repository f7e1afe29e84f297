"""The `costs` section of the project file."""

from decimal import Decimal

from pydantic import Field

from luthier.section import Section


class CostsConfig(Section):
    """Prices, and what no log can know; `labelling` and `engineering` count only where the ledger has no such entry."""

    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="ISO code of every figure here.")
    labelling: Decimal = Field(default=Decimal(0), ge=0, description="Spent on labelling, in all.")
    engineering: Decimal = Field(default=Decimal(0), ge=0, description="Spent on engineering, in all.")
    training_hour_price: Decimal = Field(default=Decimal(0), ge=0, description="One hour of the machine that trains.")
    serving_hour_price: Decimal = Field(default=Decimal(0), ge=0, description="One hour of the machine that answers.")
    maintenance_share_per_year: Decimal = Field(
        default=Decimal("0.15"), ge=0, le=2, description="Yearly upkeep as a share of the build cost."
    )
    cost_per_task_now: Decimal | None = Field(
        default=None, ge=0, description="What one task costs as it is done today; without it there is no payback."
    )
    tasks_per_month: int | None = Field(default=None, ge=1, description="Expected load.")
    horizon_months: int = Field(default=24, ge=1, le=240, description="Months that the total cost covers.")
    solved_metric: str = Field(default="exact_match", min_length=1, description="A row counts as solved when it is 1.")
