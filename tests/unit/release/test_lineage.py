import pytest

from luthier.domain.money import Money
from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import Manifest
from luthier.domain.variants import RetrievalRef
from luthier.errors import Refused
from luthier.release.lineage import lineage
from tests.unit.release.made_up import PROMPT, TUNED, report

SNAPSHOT = Manifest(
    project="crm", splits={}, rows="r", rows_in=0, dropped={}, masked={}, filters={}, sources={}, gold="g"
)
RUN = TrainingRun(
    base_weights="w", snapshot=SNAPSHOT.digest, adapter="a", method="sft", config={}, seed=0, curve=(), best_step=1,
    best_validation_loss=1.0, stopped_because="finished", examples_seen=1, tokens_seen=1, trainable_parameters=1,
    total_parameters=2, seconds=1, cost=Money(),
)  # fmt: skip


def test_a_tuned_variant_is_told_from_rows_to_weights() -> None:
    shown = report()
    assert lineage(TUNED, [shown], snapshot=SNAPSHOT, run=RUN) == {
        "variant": TUNED.digest,
        "base": "w",
        "adapter": "a",
        "run": RUN.digest,
        "snapshot": SNAPSHOT.digest,
        "gold:task_accuracy": "g",
        "report:task_accuracy": shown.digest,
    }


def test_a_prompt_needs_no_run_and_a_knowledge_base_is_told() -> None:
    rag = PROMPT.model_copy(update={"retrieval": RetrievalRef(kb="kb", index="i")})
    assert lineage(PROMPT, []) == {"variant": PROMPT.digest}
    assert lineage(rag, [])["index"] == "i"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"adapter": "other"}, "made another adapter"),
        ({"snapshot": "other"}, "another snapshot"),
        ({"base_weights": "other"}, "another base model"),
    ],
)
def test_links_that_do_not_belong_together_are_refused(changed: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        lineage(TUNED, [], snapshot=SNAPSHOT, run=RUN.model_copy(update=changed))


def test_an_adapter_without_its_run_or_snapshot_is_refused() -> None:
    with pytest.raises(Refused, match="needs its run and its snapshot"):
        lineage(TUNED, [], snapshot=SNAPSHOT)
    with pytest.raises(Refused, match="needs its run and its snapshot"):
        lineage(TUNED, [], run=RUN)


def test_a_run_without_an_adapter_and_a_foreign_report_are_refused() -> None:
    with pytest.raises(Refused, match="carries no adapter"):
        lineage(PROMPT, [], run=RUN)
    with pytest.raises(Refused, match="of another variant"):
        lineage(PROMPT, [report(TUNED)])
