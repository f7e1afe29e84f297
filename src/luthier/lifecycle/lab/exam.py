"""The validation sample that a model answers freely while it trains, scored as `luthier evaluate` scores."""

from collections.abc import Mapping, Sequence

from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.errors import UserError
from luthier.evaluate.metrics import Attempt, chosen
from luthier.train.config import TrainConfig
from luthier.train.lab.subsets import Subset
from luthier.train.types import Conversation, Exam

CALLED = "train.measure"


def exam_of(
    config: TrainConfig, examples: Sequence[Example], asked: Sequence[Conversation], tools: Sequence[ToolSpec]
) -> Exam | None:
    """The exam that `train.measure` asks for, on the same rows every time; None for none, or where no row is there.

    Args:
        config: The settings of the run.
        examples: The validation rows with their ideal answers.
        asked: The same rows as they are asked; an exam holds only those that are in both.
        tools: What answers may call.

    """
    if config.measure is None:
        return None
    metrics = chosen(CALLED, config.measure.metrics)
    if needy := [name for name, metric in metrics.items() if metric.needs_tools and not tools]:
        raise UserError(
            f"{CALLED} names {', '.join(needy)}, and no tools were given",
            hint="name the tools' JSON file as `tools`, or measure exact_match and f1",
        )
    by_id = {row.id: row for row in asked}
    there = [row for row in examples if row.id in by_id]
    if not there:
        return None
    rows = Subset(share=min(1.0, config.measure.rows / len(there))).of(there)

    def score(answers: Mapping[str, str]) -> Mapping[str, Measurement]:
        attempts = [Attempt(answer=answers.get(row.id), example=row, tools=tools) for row in rows]
        return {name: metric.measure_attempts(attempts) for name, metric in metrics.items()}

    return Exam(rows=[by_id[row.id] for row in rows], max_tokens=config.measure.max_tokens, score=score)
