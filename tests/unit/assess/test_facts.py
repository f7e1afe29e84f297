"""Training targets that carry facts are counted."""

from luthier.assess.facts import facts_in_targets
from luthier.domain.examples import Example, Message
from tests.unit.assess.made import call, examples


def hidden(number: int) -> Example:
    turns = (
        Message(role="user", content="Brook Foods signed for 500"),
        Message(role="assistant", content=call(f"ACC-{7000 + number}")),
    )
    return Example(id=f"hidden-{number}", messages=turns)


def test_targets_explained_by_their_question_carry_no_facts() -> None:
    found = facts_in_targets(examples(400))
    assert found is not None
    assert (found.share.hits, found.share.n) == (0, 400)


def test_rare_values_from_nowhere_are_counted_and_common_choices_are_not() -> None:
    found = facts_in_targets((*examples(300), *(hidden(number) for number in range(100))))
    assert found is not None
    assert (found.share.hits, found.share.n, found.examples[0]) == (100, 400, "hidden-0")


def test_no_training_rows_give_no_figure() -> None:
    assert facts_in_targets(()) is None
