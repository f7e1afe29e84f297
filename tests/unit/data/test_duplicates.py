"""Duplicates: copies go, look-alikes with another fact stay."""

from luthier.data.duplicates import drop_duplicates
from luthier.domain.examples import Example, Message


def example(row_id: str, asked: str, ideal: str) -> Example:
    return Example(id=row_id, messages=(Message(role="user", content=asked), Message(role="assistant", content=ideal)))


FILLER = [
    example(f"f{i}", f"Mail about {name}, who would like news on order {i}{i}7", f"news {i}{i}7")
    for i, name in enumerate(["Petra", "Jonas", "Ravi", "Mina", "Olga", "Hugo", "Ines", "Leon", "Kofi", "Yara"])
]
LETTER = "Dear team, Hartdale Plastics called: their access does not work and they need it fixed before the week ends."
CALL = '{"name": "issue", "arguments": {"firm": "Hartdale Plastics"}}'


def test_copies_go_and_the_first_stays_with_the_reason_told() -> None:
    rows = [
        *FILLER,
        example("first", LETTER, CALL),
        example("spaced", LETTER.replace(" ", "  ").upper(), CALL),
        example("forwarded", "Fwd: " + LETTER + " Thanks!", CALL.replace(": ", ":")),
    ]
    result = drop_duplicates(rows, near_threshold=0.85)
    assert [(d.id, d.reason, d.detail) for d in result.dropped] == [
        ("spaced", "exact_duplicate", "first"),
        ("forwarded", "near_duplicate", "first"),
    ]
    assert result.clusters == {"first": ("spaced", "forwarded")}


def test_one_template_with_another_name_figure_or_answer_is_no_duplicate() -> None:
    rows = [
        *FILLER,
        example("first", LETTER, CALL),
        example("other-name", LETTER.replace("Hartdale", "Winford"), CALL.replace("Hartdale", "Winford")),
        example("other-answer", LETTER + " Thanks!", CALL.replace("issue", "meeting")),
        example("figure", LETTER + " Ticket 1234", CALL),
        example("other-figure", LETTER + " Ticket 1235", CALL),
    ]
    kept = {row.id for row in drop_duplicates(rows, near_threshold=0.85).kept}
    assert kept >= {"first", "other-name", "other-answer", "other-figure"}
    assert kept >= {row.id for row in FILLER}
