"""Breakers, retry budgets, limits and metrics: arithmetic on times that the tests give."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.gateway.config import LimitsConfig
from luthier.gateway.faults import HttpFault
from luthier.gateway.http.events import Events, LineTooLong
from luthier.gateway.limits import Accounts
from luthier.gateway.metrics import Metrics
from luthier.gateway.resilience import Breaker, RetryBudget, retry_after


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_request_try() -> None:
    breaker = Breaker(open_after=3, open_seconds=5)
    for _ in range(2):
        breaker.failed(0)
    assert breaker.admits(0)
    breaker.failed(0)
    assert not breaker.admits(4.9)
    assert breaker.admits(5)
    assert not breaker.admits(5)  # one at a time
    breaker.succeeded()
    assert breaker.admits(5)


def test_a_failed_try_keeps_the_breaker_open_for_another_while() -> None:
    breaker = Breaker(open_after=1, open_seconds=5)
    breaker.failed(0)
    assert breaker.admits(5)
    breaker.failed(5)
    assert not breaker.admits(9.9)
    assert breaker.admits(10)


def test_a_try_that_told_nothing_lets_the_next_one_try() -> None:
    breaker = Breaker(open_after=1, open_seconds=5)
    breaker.failed(0)
    assert breaker.admits(5)
    breaker.gave_up()
    assert breaker.admits(5)


def test_a_back_end_that_asks_for_time_gets_it_at_once() -> None:
    breaker = Breaker(open_after=5, open_seconds=5)
    breaker.failed(0, at_least_seconds=30)
    assert not breaker.admits(29)
    assert breaker.admits(30)


def test_a_success_forgets_earlier_failures() -> None:
    breaker = Breaker(open_after=2, open_seconds=5)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(0)
    assert breaker.admits(0)


@given(st.integers(1, 500))
def test_retries_stay_within_their_share_of_requests(requests: int) -> None:
    budget, retries = RetryBudget(share=0.1), 0
    for _ in range(requests):
        budget.paid()
        retries += budget.takes()
    assert retries <= 1 + 0.1 * requests + 1e-9


def test_a_share_of_none_allows_no_retry() -> None:
    budget = RetryBudget(share=0)
    budget.paid()
    assert not budget.takes()


@pytest.mark.parametrize(("value", "seconds"), [(b"7", 7), (b"99999", 60), (None, 0), (b"Wed, 21 Oct", 0), (b"-1", 0)])
def test_retry_after_is_read_within_bounds(value: bytes | None, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_a_key_may_ask_as_often_as_its_limit_says_and_then_again_as_it_refills() -> None:
    account = Accounts(LimitsConfig(requests_per_minute=2), {}).of("app", 0)
    account.admit(0, 1)
    account.admit(0, 1)
    with pytest.raises(HttpFault) as refused:
        account.admit(0, 1)
    assert (refused.value.status, refused.value.code, refused.value.retry_seconds) == (429, "rate_limit_exceeded", 30)
    account.admit(30, 1)
    assert dict(account.headers())[b"x-ratelimit-limit-requests"] == b"2"
    assert dict(account.headers())[b"x-ratelimit-remaining-requests"] == b"0"
    assert dict(account.headers())[b"x-ratelimit-reset-requests"] == b"60.000s"


def test_tokens_and_money_of_a_day_end_and_come_back_the_next_day() -> None:
    limits = LimitsConfig(tokens_per_day=100, money_per_day=Decimal("0.5"))
    account = Accounts(limits, {}).of("app", 0)
    account.spend(100, Decimal(0), 1)
    with pytest.raises(HttpFault) as spent:
        account.admit(0, 1)
    assert (spent.value.code, spent.value.kind) == ("insufficient_quota", "insufficient_quota")
    account.admit(0, 2)
    account.spend(1, Decimal("0.5"), 2)
    with pytest.raises(HttpFault, match="money"):
        account.admit(0, 2)


def test_what_was_spent_survives_a_restart() -> None:
    before = Accounts(LimitsConfig(tokens_per_day=10), {})
    before.of("app", 0).spend(10, Decimal("0.1"), 1)
    after = Accounts(LimitsConfig(tokens_per_day=10), {})
    after.take_over(before.spent(), 0)
    with pytest.raises(HttpFault, match="tokens"):
        after.of("app", 0).admit(0, 1)


def test_a_key_s_own_limits_stand_in_place_of_everybody_s() -> None:
    accounts = Accounts(LimitsConfig(requests_per_minute=1), {"big": LimitsConfig()})
    for _ in range(5):
        accounts.of("big", 0).admit(0, 1)
    accounts.of("small", 0).admit(0, 1)
    with pytest.raises(HttpFault):
        accounts.of("small", 0).admit(0, 1)


@given(st.binary(max_size=80), st.integers(1, 9))
def test_events_are_the_same_whatever_pieces_they_come_in(noise: bytes, size: int) -> None:
    raw = b"data: one\n\ndata: " + noise.replace(b"\n", b"") + b"\r\n\n: comment\ndata:three\n\n"
    whole, pieces = Events().feed(raw), list[bytes]()
    events = Events()
    for start in range(0, len(raw), size):
        pieces += events.feed(raw[start : start + size])
    assert pieces == whole
    assert (whole[0], whole[-1]) == (b"one", b"three")


def test_a_line_without_an_end_is_given_up() -> None:
    events = Events(most_bytes=100)
    assert events.feed(b"data: before\ndata: " + b"x" * 200) == [b"before"]
    with pytest.raises(LineTooLong):
        events.feed(b"\n")


def test_metrics_are_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.count("luthier_requests_total", "/v1/chat/completions", "200", by=2)
    metrics.count("luthier_guards_total", 'a"b\\', "found")
    metrics.observe("luthier_request_seconds", 0.003, "stable")
    lines = metrics.text({"luthier_backend_up": ("Up.", {'{backend="b"}': 1.0})}).decode().splitlines()
    assert 'luthier_requests_total{path="/v1/chat/completions",status="200"} 2' in lines
    assert 'luthier_guards_total{guard="a\\"b\\\\",outcome="found"} 1' in lines
    assert 'luthier_request_seconds_bucket{arm="stable",le="0.0025"} 0' in lines
    assert 'luthier_request_seconds_bucket{arm="stable",le="0.005"} 1' in lines
    assert 'luthier_request_seconds_bucket{arm="stable",le="+Inf"} 1' in lines
    assert 'luthier_request_seconds_count{arm="stable"} 1' in lines
    assert 'luthier_backend_up{backend="b"} 1' in lines
