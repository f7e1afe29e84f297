"""When look-alikes of the gold set refuse a build, and when they are only left out."""

from luthier.data.gold import blocking
from luthier.data.leakage import Kind, Overlap


def overlaps(count: int, kind: Kind) -> list[Overlap]:
    return [Overlap(row=f"r{n}", gold="g", kind=kind, score=0.9) for n in range(count)]


def test_one_copy_refuses_whatever_is_natural_and_names_the_suspects_too() -> None:
    found = [*overlaps(1, "edited"), *overlaps(3, "paraphrase")]
    assert blocking(found, natural=100) == tuple(found)


def test_suspects_refuse_a_drawn_set_at_once_and_a_foreign_one_when_chance_does_not_explain_them() -> None:
    """The 99.9% point of a Poisson with mean 10 is 21 (tables: P(X <= 20) = 0.9984, P(X <= 21) = 0.9993)."""
    assert len(blocking(overlaps(1, "near"), natural=None)) == 1
    assert blocking(overlaps(21, "near"), natural=10) == ()
    assert len(blocking(overlaps(22, "near"), natural=10)) == 22
    assert blocking([], natural=None) == ()
