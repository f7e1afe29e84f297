"""What takes the place of personal data can be told apart, and unlocked only with the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import MissingInput, UserError
from luthier.text.pii import take_out, unlock

TEXT = "write a@b.de, ring +44 20 7946 0123, again a@b.de"


def test_what_was_locked_comes_back_with_the_key() -> None:
    locked = take_out(TEXT, "encrypt", "s", key="long secret")
    assert "a@b.de" not in locked.text
    assert locked.text.count("<EMAIL_ADDRESS:locked:") == 2
    assert unlock(locked.text, "long secret") == TEXT


def test_equal_values_are_locked_alike_and_other_keys_lock_otherwise() -> None:
    first, _, second = take_out("a@b.de x a@b.de", "encrypt", "s", key="k").text.split(" ")
    assert first == second != take_out("a@b.de", "encrypt", "s", key="other").text


def test_the_wrong_key_and_no_key_are_refused() -> None:
    locked = take_out(TEXT, "encrypt", "s", key="k").text
    with pytest.raises(UserError, match="cannot be opened"):
        unlock(locked, "other")
    with pytest.raises(MissingInput, match="no key"):
        take_out(TEXT, "encrypt", "s")


@given(st.text(max_size=60))
def test_unlocking_turns_any_locked_text_back(text: str) -> None:
    whole = f"{text} a@b.de"
    if "<" not in text and "\u200b" not in text:
        assert unlock(take_out(whole, "encrypt", "s", key="k").text, "k").endswith("a@b.de")
