import pytest

from luthier.domain.releases import Override
from luthier.domain.variants import Variant
from luthier.errors import NotEnoughEvidence, Refused
from luthier.release.config import ReleaseConfig
from luthier.release.stage import release_of, run
from tests.unit.release.made_up import NOW, PROMPT, TUNED, difference, evidence, gate

CONFIG = ReleaseConfig(approvers=("head-of-sales-ops",))


def released(outcome: str, variant: Variant = TUNED, *, overridden: bool = False) -> object:
    decision = gate(outcome)
    if overridden:
        decision = decision.model_copy(update={"override": Override(by="eve", reason="rehearsal of it", at=NOW)})
    return release_of(
        decision, variant, {"gold": "g"}, release_id="r-1", version=3, project="crm", author="ann", now=NOW
    )


def test_a_tuned_variant_cannot_be_the_first_release() -> None:
    with pytest.raises(Refused, match="cannot be the first release"):
        run(CONFIG, evidence(first_release=True))


def test_the_gate_is_asked_for_everything_else() -> None:
    assert run(CONFIG, evidence()).verdict.outcome == "pass"
    assert run(CONFIG, evidence(difference(gain=-0.1))).verdict.outcome == "fail"


def test_a_release_is_made_of_what_the_gate_lets_through() -> None:
    assert released("pass").version == 3  # type: ignore[attr-defined]
    assert released("fail", overridden=True).gate.override is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("outcome", "error", "code"), [("fail", Refused, 3), ("not_enough_evidence", NotEnoughEvidence, 4)]
)
def test_what_the_gate_stops_is_refused_with_its_reasons(outcome: str, error: type[Refused], code: int) -> None:
    with pytest.raises(error, match="because") as stopped:
        released(outcome)
    assert stopped.value.exit_code == code


def test_a_gate_that_decided_on_another_variant_lets_nothing_through() -> None:
    with pytest.raises(Refused, match="another state"):
        released("pass", PROMPT)
