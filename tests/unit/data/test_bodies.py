"""A row is the same as value, as Arrow and as Parquet, and has one digest."""

import hashlib
from datetime import date

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.plan.bodies import (
    batch_of,
    bodies_of,
    body_of,
    examples_of,
    examples_of_parquet,
    parquet_of,
    row_digests,
)  # fmt: skip
from luthier.domain.digests import canonical_json
from luthier.domain.examples import Example, Message

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROWS = st.builds(
    Example,
    id=TEXT.filter(bool),
    messages=st.tuples(st.builds(Message, role=st.just("user"), content=TEXT),
                       st.builds(Message, role=st.just("assistant"), content=TEXT)),
    strata=st.dictionaries(TEXT, TEXT, max_size=3),
    source=TEXT, lawful_basis=TEXT, subject=st.none() | TEXT, group=st.none() | TEXT, tools=st.none() | TEXT,
    rejected=st.none() | TEXT, synthetic=st.booleans(), collected_on=st.none() | st.dates(date(1970, 1, 1)),
)  # fmt: skip


@given(st.lists(ROWS, max_size=5))
@settings(max_examples=60, deadline=None)
def test_rows_come_back_as_they_went(rows: list[Example]) -> None:
    batch = batch_of(rows)
    assert examples_of(batch) == rows
    assert examples_of_parquet(parquet_of(batch)) == rows
    assert examples_of(batch.slice(1)) == rows[1:]


@given(st.lists(ROWS, max_size=5), TEXT)
@settings(max_examples=60, deadline=None)
def test_the_digest_is_that_of_the_salt_and_the_canonical_json(rows: list[Example], salt: str) -> None:
    expected = [hashlib.sha256(salt.encode() + canonical_json(row.model_dump(mode="json"))).digest() for row in rows]
    assert row_digests(bodies_of(batch_of(rows)), salt) == expected


def test_a_part_holds_no_map_since_datasets_opens_none() -> None:
    row = Example(id="r", messages=(Message(role="user", content="q"), Message(role="assistant", content="a")),
                  strata={"kind": "x"})  # fmt: skip
    batch = parquet_of(batch_of([row]))
    assert not any(pa.types.is_map(field.type) for field in batch.schema)
    assert body_of(row)["strata"] == {"kind": "x"}
