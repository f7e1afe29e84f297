"""A variant's answers to many questions."""

from collections.abc import Callable, Sequence

from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Message
from luthier.domain.variants import Variant
from luthier.errors import MissingInput
from luthier.variants.engines.base import Engine, EngineRequest, TellsAnswers, Told
from luthier.variants.rendering import messages_for
from luthier.variants.retrieval.documents import Passage
from luthier.variants.retrieval.index import Index

Question = Sequence[Message]


def answer_all(
    variant: Variant,
    questions: Sequence[Question],
    *,
    engine: Engine,
    index: Index | None = None,
    tools: Sequence[ToolSpec] = (),
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    batch_size: int = 64,
    told: Told | None = None,
) -> list[Answer]:
    """One answer per question, in their order, with the ids of the passages shown; `progress` hears done and all.

    `told` hears each answer with its question's place as soon as the engine has it.

    Questions go to the engine `batch_size` at a time, neighbours in length together, which is what a batching
    engine wants; the answers do not depend on it.
    """
    shown = [passages_for(variant, question, index) for question in questions]
    requests = [request_for(variant, *pair, tools) for pair in zip(questions, shown, strict=True)]
    order = sorted(range(len(requests)), key=lambda place: -_length(requests[place]))
    answers: dict[int, Answer] = {}
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        found = _asked(engine, [requests[place] for place in places], places, shown, told)
        answers |= dict(zip(places, found, strict=True))
        progress(len(answers), len(questions))
    return [_cited(answers[place], passages) for place, passages in enumerate(shown)]


def _asked(
    engine: Engine,
    requests: list[EngineRequest],
    places: list[int],
    shown: list[tuple[Passage, ...]],
    told: Told | None,
) -> list[Answer]:
    if told is None:
        return engine.answer(requests)

    def tell(place: int, answer: Answer) -> None:
        told(places[place], _cited(answer, shown[places[place]]))

    if isinstance(engine, TellsAnswers):
        return engine.answer(requests, tell)
    found = engine.answer(requests)
    for place, answer in enumerate(found):
        tell(place, answer)
    return found


def passages_for(variant: Variant, question: Question, index: Index | None) -> tuple[Passage, ...]:
    """What the variant's knowledge base says to the last user message; nothing for a variant without one."""
    if variant.retrieval is None:
        return ()
    if index is None or index.digest != variant.retrieval.index:
        raise MissingInput(
            f"variant {variant.name!r} needs knowledge base {variant.retrieval.kb!r} as it was indexed",
            hint="index the documents again and rebuild the variant",
        )
    asked = next((message.content for message in reversed(question) if message.role == "user"), "")
    return tuple(index.search(asked, variant.retrieval.top_k))


def request_for(
    variant: Variant, question: Question, passages: Sequence[Passage] = (), tools: Sequence[ToolSpec] = ()
) -> EngineRequest:
    """The request that puts `question` to the variant's engine."""
    messages = messages_for(variant, question, passages, tools)
    return EngineRequest(messages=messages, adapter=variant.adapter, decoding=variant.decoding)


def _length(request: EngineRequest) -> int:
    return sum(len(message.content) for message in request.messages)


def _cited(answer: Answer, passages: Sequence[Passage]) -> Answer:
    return answer.model_copy(update={"sources": tuple(passage.id for passage in passages)})
