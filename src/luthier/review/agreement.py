"""The marks of a review as raters' labels."""

from luthier.review.types import ReviewState


def mark_units(state: ReviewState) -> list[list[str]]:
    """The marks of each row with at least two, in the order they were made."""
    return [[mark.mark for mark in row.marks] for row in state.rows.values() if len(row.marks) > 1]
