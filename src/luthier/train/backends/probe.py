"""Free answers of the model as it stands, scored: what a run is for, beside its loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from luthier.domain.measure import Measurement
from luthier.train.backends.encode import Encoded, encode_all, end_tokens
from luthier.train.backends.objectives.protocol import Scorer
from luthier.train.backends.sampling import sample_answers
from luthier.train.config import TrainConfig
from luthier.train.types import Exam
from luthier.variants.engines.texts import text_of

ROWS_AT_ONCE = 32


@dataclass(frozen=True)
class Probe:
    """The questions of an exam as the model reads them; rows too long for it get no answer, which is never right."""

    exam: Exam
    texts: tuple[Encoded, ...]
    tokenizer: Any
    context_tokens: int

    @classmethod
    def of(cls, exam: Exam, config: TrainConfig, tokenizer: Any, *, context_tokens: int) -> Self:
        """The exam, encoded through the model's own chat template."""
        asked = config.model_copy(update={"too_long": "drop", "loss_on": "final_turn"})
        found = encode_all(tokenizer, exam.rows, asked, context_tokens=context_tokens - 1, name="measured")
        return cls(exam, tuple(sorted(found.rows, key=lambda text: len(text.tokens))), tokenizer, context_tokens)

    def figures(self, scorer: Scorer) -> Mapping[str, Measurement]:
        """Every metric over the likeliest answers; nothing random is drawn, so the run goes on as without."""
        answers: dict[str, str] = {}
        for start in range(0, len(self.texts), ROWS_AT_ONCE):
            answers |= self._answers(scorer, self.texts[start : start + ROWS_AT_ONCE])
        return self.exam.score(answers)

    def _answers(self, scorer: Scorer, texts: tuple[Encoded, ...]) -> dict[str, str]:
        ends = end_tokens(self.tokenizer)
        found = sample_answers(
            scorer, self.tokenizer, texts, seed=0, temperature=0.0, most_tokens=self.exam.max_tokens,
            context_tokens=self.context_tokens,
        )  # fmt: skip
        said = {text.id: [text.tokens[at] for at, is_said in enumerate(text.is_target) if is_said] for text in found}
        return {
            id_: text_of(self.tokenizer, tokens[:-1] if tokens[-1] in ends else tokens) for id_, tokens in said.items()
        }
