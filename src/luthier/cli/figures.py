"""Measured figures as commands print them; apart from `output`, which every command loads, and which is light."""

from luthier.domain.measure import Measurement


def figure(found: Measurement, *, digits: int = 3) -> str:
    """A measured figure with the ends of its interval."""
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"
