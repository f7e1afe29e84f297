"""A run's record and conversations for tests of exports."""

from decimal import Decimal

from luthier.domain.examples import Message
from luthier.domain.money import Money
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.train.types import Conversation

RUN = TrainingRun(
    base_weights="b" * 64, snapshot="s" * 64, adapter="a" * 64, method="sft",
    config={"adapter.rank": "8", "learning_rate": "0.002"}, seed=7,
    curve=tuple(
        CurvePoint(step=step, epoch=step / 10, train_loss=None if step == 0 else 2.0 - step / 100,
                   validation_loss=2.5 - step / 100, learning_rate=0.001)
        for step in range(0, 50, 2)
    ),
    best_step=46, best_validation_loss=2.04, stopped_because="early_stopping", examples_seen=1234, tokens_seen=56_789,
    trainable_parameters=50_000, total_parameters=1_000_000, seconds=3601.4,
    cost=Money(amount=Decimal("1.25"), currency="EUR"), left_out={"too_long": 3},
)  # fmt: skip
TWO_TURNS = Conversation(
    id="one",
    messages=(
        Message(role="system", content="Be short."),
        Message(role="user", content="Hi"),
        Message(role="assistant", content="Hello"),
        Message(role="user", content="Bye"),
        Message(role="assistant", content="Grüße"),
    ),
)
