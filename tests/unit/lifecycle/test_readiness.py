"""A decision to tune waits for the owners of open readiness boxes."""

from pathlib import Path

import pytest

from luthier.domain.decisions import Decision, ExpertTest
from luthier.errors import WaitingForPerson
from luthier.lifecycle.links.assessment import require_tuning
from luthier.lifecycle.workspace import Workspace

PROJECT = """
project: tiny
charter: {{problem: Turn e-mails into calls., readiness: {boxes}}}
data: {{sources: [{{path: rows.jsonl, lawful_basis: contract}}]}}
variants: {{prompt: {{model: base, prompt: prompt.md}}}}
"""
OPEN = "{legal: Ada, security: Ada, sre: {owner: Ben, due: 2026-04-01}, metrics: Ada}"
TICKED = "{legal: Ada, security: Ada, sre: {owner: Ben, ticked_on: 2026-03-02}, metrics: Ada}"
TUNE = Decision(
    project="tiny", advice="tune", reasons=("a gap",), failures=(), triggers=(), reports={}, training_rows=900,
    expert_test=ExpertTest(answer="no", answerable=None, reading="special training"),
)  # fmt: skip


def require(folder: Path, boxes: str) -> Decision:
    (folder / "luthier.yaml").write_text(PROJECT.format(boxes=boxes))
    (folder / "rows.jsonl").touch()
    (folder / "prompt.md").write_text("Be brief.")
    with Workspace.open(folder) as work:
        digest = work.keep(TUNE, kind="decision")
        work.record("assess", "", fingerprint=digest, digest=digest, inputs={})
        return require_tuning(work)


def test_an_open_box_holds_a_decision_to_tune_and_a_ticked_one_lets_it_go(tmp_path: Path) -> None:
    with pytest.raises(WaitingForPerson, match=r"sre \(Ben, due 2026-04-01\)"):
        require(tmp_path, OPEN)
    assert require(tmp_path, TICKED) == TUNE
