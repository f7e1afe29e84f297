"""When look-alikes of the gold set refuse a build, and when they are only left out."""

from luthier.data.gold import blocking


def test_one_certain_copy_refuses_whatever_is_natural() -> None:
    assert blocking(["edited", "paraphrase", "paraphrase"], natural=100)
    assert not blocking(["paraphrase", "paraphrase"], natural=100)


def test_suspects_refuse_a_drawn_set_at_once_and_a_foreign_one_when_chance_does_not_explain_them() -> None:
    """The 99.9% point of a Poisson with mean 10 is 21 (tables: P(X <= 20) = 0.9984, P(X <= 21) = 0.9993)."""
    assert blocking(["near"], natural=None)
    assert not blocking(["near"] * 21, natural=10)
    assert blocking(["near"] * 22, natural=10)
    assert not blocking([], natural=None)
