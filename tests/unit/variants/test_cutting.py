"""Clauses, rows and items stay whole, and what is torn off can still be read."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.variants.retrieval.cutting import cut
from luthier.variants.retrieval.documents import Document, Passage


def passages(text: str, most: int = 200, name: str = "a.md") -> tuple[Passage, ...]:
    return cut(Document(id=name, text=text), chunk_characters=most)


def texts(text: str, most: int = 200) -> list[str]:
    return [passage.text for passage in passages(text, most)]


def test_every_part_of_a_table_has_the_tables_head_and_whole_rows() -> None:
    rows = [f"| part {n} | {n * 10} euro | shelf {n} |" for n in range(12)]
    found = texts("Prices follow.\n\n| Part | Price | Shelf |\n|---|---|---|\n" + "\n".join(rows))
    assert len(found) > 2
    assert all("| Part | Price | Shelf |\n|---|---|---|" in text for text in found)
    assert [line for text in found for line in text.splitlines() if line in rows] == rows


def test_a_clause_is_torn_only_when_it_is_too_long_by_itself() -> None:
    clauses = [f"{n}. Clause {n} says that {'some more words ' * 5}end{n}." for n in range(1, 6)]
    found = texts("\n".join(clauses))
    assert all(any(clause in text for text in found) for clause in clauses)


def test_a_torn_clause_goes_on_under_its_number_and_at_a_sentence() -> None:
    long = "4.2 " + " ".join(f"Sentence {n} of the clause is here." for n in range(12))
    found = texts(f"4.1 Short.\n{long}")
    assert len(found) > 2
    assert all(text.startswith("4.2 [...]\n") for text in found[2:])
    assert all(text.endswith(".") for text in found)


def test_parts_of_a_list_repeat_the_sentence_that_opens_it() -> None:
    items = "\n".join(f"- item {n} with a good many words in it to fill the line" for n in range(8))
    found = texts(f"You may not:\n\n{items}")
    assert len(found) > 2
    assert all(text.startswith("You may not:\n- item") for text in found)


def test_a_part_of_a_clause_is_led_by_the_clause() -> None:
    parts = "\n".join(f"   ({letter}) {'words of this part ' * 6}" for letter in "abc")
    found = texts(f"7. We may end this contract when\n{parts}\n8. Other things.")
    assert all(text.startswith(("7. We may end", "8.")) for text in found)


def test_a_hash_inside_code_is_no_heading_and_code_is_cut_between_lines() -> None:
    code = "\n".join(f"line_{n} = {n}  # note" for n in range(20))
    found = passages(f"# Use\n\n```python\n# not a heading\n{code}\n```\n\n## After\n\nText.")
    assert {passage.title for passage in found} == {"Use", "Use - After"}
    assert all(passage.text.startswith("```python") for passage in found if passage.title == "Use")
    assert [line for passage in found for line in passage.text.splitlines() if line.startswith("line_")] == (
        code.splitlines()
    )


def test_underlined_headings_and_front_matter_give_titles() -> None:
    head = "---\ntitle: 'Our terms'\ndescription: What you agree to.\nlayout: page\n---\n"
    found = [(passage.title, passage.text) for passage in passages(f"{head}Hello.\n\nPayment\n-------\nNet 30.")]
    assert found == [("Our terms", "What you agree to.\nHello."), ("Payment", "Net 30.")]


def test_a_rule_between_paragraphs_is_no_front_matter_and_no_heading() -> None:
    assert texts("---\n\nOne.\n\n---\n\nTwo.") == ["---\nOne.\n---\nTwo."]


def test_a_passage_says_which_lines_it_was_cut_from() -> None:
    found = passages("# A\n\nfirst\n\n## B\n\nsecond\nthird\n")
    assert [passage.lines for passage in found] == [(3, 3), (7, 8)]
    assert found[1].place == "a.md, lines 7-8: A - B"
    assert found[1].document == "a.md"


lines = st.sampled_from(
    ["", "# Head", "plain words here", "- item of a list", "  1. nested clause of it", "2.1 clause", "| a | b |",
     "|---|---|", "| c | d |", "```", "opens:", "word " * 30, "Title"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(lines, max_size=25), st.integers(80, 200))
def test_no_word_is_lost_but_headings_and_no_passage_is_too_long(written: list[str], most: int) -> None:
    found = passages("\n".join(written), most)
    assert all(len(passage.text) <= most for passage in found)
    kept = "".join(re.findall(r"\w", "".join(passage.text for passage in found)))
    for line in written:
        if line != "# Head":  # a heading with nothing below it is no passage
            assert all(word in kept for word in re.findall(r"\w+", line))


@settings(max_examples=100, deadline=None)
@given(st.lists(lines | st.just("x" * 230), max_size=25), st.integers(80, 200))
def test_passages_stand_in_the_documents_order_and_no_long_word_breaks_their_size(
    written: list[str], most: int
) -> None:
    found = passages("\n".join(written), most)
    assert all(len(passage.text) <= most for passage in found)
    starts = [passage.lines[0] for passage in found if passage.lines]
    assert starts == sorted(starts)
    assert all(1 <= start <= len(written) for start in starts)
