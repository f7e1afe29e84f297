from luthier.domain.releases import Approval, Override
from luthier.domain.reports import Comparison
from luthier.release.card import model_card
from luthier.release.types import ApprovalState
from tests.unit.release.made_up import NOW, PROMPT, difference, gate, release, report
from tests.unit.release.test_lineage import RUN, SNAPSHOT

APPROVAL = ApprovalState(
    status="waiting", release_id="r-1", author="ann", seats=("sales", "legal"),
    filled={"sales": Approval(release_id="r-1", approver="bob", decision="approve", reason="read it", at=NOW)},
)  # fmt: skip


def full_card() -> str:
    compared = Comparison(variant="tuned", benchmark="task_accuracy", differences=(difference(),))
    return model_card(
        release(), [report()], comparison=compared,
        approval=APPROVAL, run=RUN, purpose="E-mails into calls.", limits=["German only"],
        snapshot=SNAPSHOT.model_copy(
            update={"splits": {"train": 1, "test": 1}, "rows_in": 5, "dropped": {"near duplicate": 3}}
        ),
    )  # fmt: skip


def test_every_figure_comes_with_interval_and_n_and_verdict() -> None:
    assert "| invalid_call | 0.016 | 0.008 to 0.031 (95%) | 500 | pass |" in full_card()  # Wilson of 8 in 500
    assert "| kind=create | invalid_call | 0.016 | 0.008 to 0.031 (95%) | 500 |" in full_card()
    assert "| prompt | exact_match | +0.100 | +0.050 to +0.150 | 500 | 0.001 |" in full_card()


def test_a_card_tells_what_it_is_made_of_and_what_was_left_out() -> None:
    card = full_card()
    assert f"| snapshot | `{SNAPSHOT.digest}` |" not in card  # the rows changed it
    assert "| rows | test 1, train 1 |" in card
    assert "| left out | near duplicate 3 |" in card
    assert f"| adapter | `{'a' * 64}` |" in card
    assert "| base model | bundled (local) |" in card


def test_a_card_tells_its_limits() -> None:
    card = full_card()
    assert "- task_accuracy: no row of kind=delete" in card
    assert "- German only" in card
    assert "- it looks nothing up" in card


def test_a_card_tells_who_said_yes_and_who_is_waited_for() -> None:
    assert f"| sales | bob | {NOW.isoformat()} | read it |" in full_card()
    assert "| legal | waiting | - | - |" in full_card()
    assert "Nobody was asked yet." in model_card(release(), [])


def test_a_rejection_is_told() -> None:
    said = Approval(release_id="r-1", approver="cat", decision="reject", reason="too thin", at=NOW)
    rejected = APPROVAL.model_copy(update={"status": "rejected", "rejection": said})
    assert f"**Rejected** by cat, {NOW.isoformat()}: too thin" in model_card(release(), [], approval=rejected)


def test_an_override_stands_before_everything_else() -> None:
    override = Override(by="eve", reason="rehearsal of the rollback", at=NOW)
    card = model_card(release(gate("fail").model_copy(update={"override": override})), [report()])
    assert card.splitlines()[2].startswith("> **Released against its gate.** eve overrode the verdict **fail**")
    assert "rehearsal of the rollback" in card.splitlines()[2]
    assert "Released against its gate" not in full_card()


def test_what_people_wrote_cannot_break_the_table_or_the_page() -> None:
    said = "nice | work\n\n## Approved <script>alert(1)</script> [here](http://x)"
    filled = {"sales": APPROVAL.filled["sales"].model_copy(update={"reason": said})}
    card = model_card(
        release(variant=PROMPT, decision=gate(variant=PROMPT)),
        [],
        approval=APPROVAL.model_copy(update={"filled": filled}),
    )
    [line] = [line for line in card.splitlines() if "nice" in line]
    assert line.replace("\\|", "").count("|") == 5
    assert "<script>" not in card
    assert "\\[here\\]" in card
    assert "\n## Approved" not in card


def test_every_row_of_every_table_has_as_many_cells_as_its_head() -> None:
    tables = [block.splitlines() for block in full_card().split("\n\n") if block.startswith("|")]
    assert len(tables) >= 7
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1
