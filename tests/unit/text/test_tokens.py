"""Words as numbers: the words of `normalise.words`, politeness aside."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from luthier.text.normalise import words
from luthier.text.tokens import POLITE, tokens_of

simple = st.text(alphabet="abÜéz019 .,:'\u2019_-?!", max_size=40)


@given(st.lists(simple, max_size=6))
def test_every_row_has_as_many_words_as_normalise_finds_and_equal_words_have_equal_numbers(texts: list[str]) -> None:
    tokens = tokens_of(pa.array(texts, pa.large_string()))
    seen: dict[str, int] = {}
    for row, text in enumerate(texts):
        found = [word.replace("\u2019", "'") for word in words(text)]
        expected = [word for word in found if word not in POLITE] or found
        numbers = tokens.words[tokens.starts[row] : tokens.starts[row + 1]].tolist()
        assert len(numbers) == len(expected)
        assert all(seen.setdefault(word, number) == number for word, number in zip(expected, numbers, strict=True))
    assert len(set(seen.values())) == len(seen)


def test_politeness_case_and_typographic_quotes_change_no_key_and_order_changes_one() -> None:
    texts = ["Hello, don\u2019t pay 12:30 please", "DON'T pay  12:30", "pay don't 12:30", "pay don't 12:31"]
    tokens = tokens_of(pa.array(texts))
    in_order, in_any = tokens.in_order().tolist(), tokens.in_any_order().tolist()
    assert in_order[0] == in_order[1] != in_order[2]
    assert in_any[0] == in_any[1] == in_any[2] != in_any[3]


def test_a_text_of_polite_words_alone_keeps_them_and_an_empty_one_has_none() -> None:
    tokens = tokens_of(pa.array(["Hello, thanks!", "", None]))
    assert tokens.starts.tolist() == [0, 2, 2, 2]


def test_stems_are_five_letters_and_whole_figures() -> None:
    tokens = tokens_of(pa.array(["transfer transferred 123456 123457"]))
    one, other, figure, another = tokens.stems.tolist()
    assert one == other
    assert figure != another
