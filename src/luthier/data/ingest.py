"""Faults of a source as they are found, told all at once."""

from luthier.data.readers import Fault
from luthier.errors import Faults

_TOLD = 50


class FaultList:
    """The first faults as `file:line: what`, and how many there were in all."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self.count = 0

    def add(self, place: str, fault: Fault) -> None:
        """One more; beyond the first fifty only the number grows."""
        self.tell(f"{place}:{fault.line}: {fault.what}")

    def tell(self, fault: str) -> None:
        """One more, which says itself where it is."""
        self.count += 1
        if self.count <= _TOLD:
            self._told.append(fault)

    def first(self, count: int) -> list[str]:
        """The first faults, at most `count` and fifty of them."""
        return self._told[:count]

    def refuse(self) -> None:
        """Raise Faults where there is any."""
        if self.count:
            told = [*self._told, *([f"and {self.count - _TOLD} more"] if self.count > _TOLD else [])]
            raise Faults("the data", told, hint="mend or remove these lines; nothing was kept")
