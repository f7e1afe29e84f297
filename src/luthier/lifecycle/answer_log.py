"""Answers of an evaluation that is under way, kept as they come: what was paid for is not asked again."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from luthier.domain.answers import Answer
from luthier.domain.digests import digest_of
from luthier.domain.examples import Message
from luthier.lifecycle.kept_answers import KeptAnswers
from luthier.variants.engines.base import Told

Question = Sequence[Message]
Asks = Callable[[Sequence[Question], Told], Sequence[Answer]]


class AnswerLog:
    """The answers of one variant in one evaluation; each is kept before anybody hears of it."""

    def __init__(self, file: Path) -> None:
        self._kept = KeptAnswers(file)
        self._seen: Counter[str] = Counter()

    def __len__(self) -> int:
        """Answers kept."""
        return len(self._kept)

    def answer(self, questions: Sequence[Question], ask: Asks) -> list[Answer]:
        """One answer per question, in order; only those that are not kept are asked."""
        keys = [self._key(question) for question in questions]
        missing = [place for place, key in enumerate(keys) if self._kept.get(key) is None]
        fresh: dict[str, Answer] = {}
        if missing:
            found = ask(
                [questions[place] for place in missing],
                lambda at, answer: self._kept.keep({keys[missing[at]]: answer}),
            )
            self._kept.sync()
            if len(found) != len(missing):
                return list(found)  # the stage says what it means that an engine lost answers
            fresh = {keys[place]: answer for place, answer in zip(missing, found, strict=True)}
        return [self._kept.get(key) or fresh[key] for key in keys]

    def forget(self) -> None:
        """Nothing is kept any more."""
        self._kept.forget()
        self._seen.clear()

    def _key(self, question: Question) -> str:
        """What names the question; one that is asked twice in a run is two."""
        digest = digest_of([message.model_dump(mode="json") for message in question])
        self._seen[digest] += 1
        return f"{digest}:{self._seen[digest]}"
