"""Reading bytes as a source would be read, into rows as dictionaries and faults."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from luthier.data.readers import Fault, Origin, parts_of_bytes, read_part
from luthier.data.rows import SCHEMA


class Read(NamedTuple):
    """Everything that came out of one file."""

    rows: list[dict[str, Any]]
    faults: list[Fault]
    formats: set[str]

    @property
    def texts(self) -> list[list[tuple[str, str]]]:
        return [[(turn["role"], turn["content"]) for turn in row["messages"]] for row in self.rows]

    @property
    def told(self) -> list[str]:
        return [fault.what for fault in self.faults]


Reading = Callable[..., Read]


@pytest.fixture
def read() -> Reading:
    def reading(
        content: bytes | str,
        name: str = "auto",
        *,
        path: str = "file.jsonl",
        columns: Mapping[str, str] | None = None,
        compose: Mapping[str, str] | None = None,
        ours: tuple[str, ...] = (),
        group_by: str | None = None,
    ) -> Read:
        data = content.encode() if isinstance(content, str) else content
        origin = Origin(
            source=path,
            lawful_basis="contract",
            columns=columns or {},
            compose=compose or {},
            ours=ours,
            group_by=group_by,
        )
        found = Read([], [], set())
        for part in parts_of_bytes(path, data):
            for item in read_part(part, name, origin):
                found.formats.add(item.format)
                if isinstance(item.content, Fault):
                    found.faults.append(item.content)
                else:
                    assert item.content.schema == SCHEMA
                    item.content.validate(full=True)
                    found.rows.extend(item.content.to_pylist())
        return found

    return reading
