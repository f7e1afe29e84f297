"""What a fault, a listing or a log may show."""

import pytest

from luthier.project.masking import MASK, masked


@pytest.mark.parametrize("name", ["api_key", "password", "client_secret", "hub_token", "token", "API_KEY"])
def test_a_value_under_a_secret_name_is_not_shown(name: str) -> None:
    assert masked(("models", name), "hunter2") == MASK


def test_everything_below_a_secret_name_is_hidden_too() -> None:
    assert masked(("secrets", "a", "b"), "hunter2") == MASK


@pytest.mark.parametrize("name", ["max_tokens", "tokenizer", "rank", "micro_batch_tokens"])
def test_counting_tokens_is_no_secret(name: str) -> None:
    assert masked(("train", name), "plain") == "plain"


def test_the_name_of_a_variable_is_shown_but_a_key_pasted_in_its_place_is_not() -> None:
    assert masked(("models", "base", "api_key_env"), "OPENAI_API_KEY") == "OPENAI_API_KEY"
    assert masked(("models", "base", "api_key_env"), "hunter2-abc") == MASK
    assert masked(("models", "base", "api_key_env"), "AKIAABCDEFGHIJKLMNOP") == MASK


def test_a_url_is_shown_without_its_password() -> None:
    shown = masked(("store", "database_url"), "postgresql://luthier:hunter2@db.internal:5432/luthier")
    assert shown == f"postgresql://{MASK}@db.internal:5432/luthier"


def test_a_text_that_looks_like_a_key_is_hidden_wherever_it_stands() -> None:
    assert "abcdefghij" not in masked(("charter", "problem"), "use sk-abcdefghijklmnop1234 for it")
