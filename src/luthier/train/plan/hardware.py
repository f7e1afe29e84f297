"""Machines by name: how much they hold, how fast they are, what an hour costs, and how old those figures are."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from luthier.errors import UnknownName
from luthier.section import Section

KNOWN_MACHINES = Path(__file__).with_name("hardware.yaml")
FRESH_FOR = timedelta(days=180)


class Hardware(Section):
    """One device that trains."""

    memory_gib: float = Field(gt=0, description="As the driver reports it, not as the shop does.")
    usable_tflops: float | None = Field(
        default=None, gt=0, description="Operations per second that training reaches, in 10^12; None is unknown."
    )
    precision: str = Field(default="bf16", pattern=r"^(bf16|fp32)$", description="What it computes in.")
    quantizes: bool = Field(default=True, description="Whether 4-bit weights gain anything there.")
    price_per_hour: Decimal | None = Field(default=None, ge=0, description="Of one device; None is unknown.")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="Of the price.")
    as_of: date = Field(description="When the price was seen.")
    source: str = Field(min_length=1, description="Where the figures are from.")

    def staleness(self, today: date) -> str | None:
        """A warning where the price is older than half a year; None while it is fresh."""
        age = today - self.as_of
        if self.price_per_hour is None or age <= FRESH_FOR:
            return None
        return f"the price is {age.days} days old ({self.as_of.isoformat()}); look it up and set `hardware`"


@cache
def known_machines() -> Mapping[str, Hardware]:
    """The machines that come with the package."""
    entries = yaml.safe_load(KNOWN_MACHINES.read_text(encoding="utf-8"))
    return {name: Hardware.model_validate(entry) for name, entry in entries.items()}


def machine(name: str, machines: Mapping[str, Hardware]) -> Hardware:
    """The machine of that name; UnknownName tells the nearest."""
    if name not in machines:
        raise UnknownName("hardware", name, machines.keys())
    return machines[name]
