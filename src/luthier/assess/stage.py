"""The decision: from a charter and measured baselines to prompt, retrieve, tune, both, or stop."""

from luthier.assess.charter import require_charter
from luthier.assess.config import AssessConfig, CharterConfig
from luthier.assess.types import Evidence
from luthier.assess.verdict import decide
from luthier.domain.decisions import Decision

STAGE_VERSION = 2


def run(charter: CharterConfig, config: AssessConfig, evidence: Evidence) -> Decision:
    """The decision on this evidence; Refused, with every fault, when the charter may not start."""
    require_charter(charter)
    return decide(charter, config, evidence)
