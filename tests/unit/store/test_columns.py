"""Column types, without a database."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from luthier.store.columns import ExactDecimal, JsonText, UtcTime, decimal_text

ENGINES = [sqlite.dialect(), postgresql.dialect()]
decimals = st.decimals(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize("engine", ENGINES)
@given(moment=st.datetimes(timezones=st.timezones()).filter(lambda moment: 1 < moment.year < 9999))
def test_a_moment_comes_back_as_itself_in_utc(engine: object, moment: datetime) -> None:
    column = UtcTime()
    back = column.process_result_value(column.process_bind_param(moment, engine), engine)  # type: ignore[arg-type]
    assert back == moment.astimezone(UTC)
    assert back.tzinfo is UTC


@pytest.mark.parametrize("engine", ENGINES)
def test_a_time_without_a_zone_is_refused(engine: object) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        UtcTime().process_bind_param(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None), engine)  # type: ignore[arg-type]


def test_a_moment_from_the_driver_in_another_zone_is_turned_to_utc() -> None:
    here = datetime(2026, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert UtcTime().process_result_value(here, ENGINES[1]) == datetime(2026, 1, 1, tzinfo=UTC)


@given(decimals)
def test_a_decimal_comes_back_to_the_last_digit_and_without_exponent(value: Decimal) -> None:
    column = ExactDecimal()
    kept = column.process_bind_param(value, ENGINES[0])
    assert kept is not None
    assert "E" not in kept
    assert column.process_result_value(kept, ENGINES[0]) == value


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        decimal_text(Decimal(value))


@given(json_values)
def test_json_comes_back_as_itself_and_holds_no_raw_nul(value: object) -> None:
    column = JsonText()
    kept = column.process_bind_param(value, ENGINES[0])  # type: ignore[arg-type]
    assert "\x00" not in kept
    assert column.process_result_value(kept, ENGINES[0]) == value
