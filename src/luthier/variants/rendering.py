"""The one place that turns a request into messages: training, evaluation and the gateway all call it."""

from collections.abc import Iterable, Sequence

from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.domain.variants import Variant
from luthier.variants.prompts import render_prompt, uses_passages
from luthier.variants.retrieval.documents import Passage
from luthier.variants.shots import shots_for

RENDERING_VERSION = 1


def messages_for(
    variant: Variant, question: Sequence[Message], passages: Sequence[Passage] = (), tools: Sequence[ToolSpec] = ()
) -> tuple[Message, ...]:
    """System prompt, worked examples, then the question, with the passages where the template does not place them.

    A system turn of the question itself follows the variant's prompt in the same turn. Passages that the template
    leaves out stand before the last user message.
    """
    system = [render_prompt(variant.prompt, tools=tools, passages=passages)]
    system += [message.content for message in question if message.role == "system"]
    head = "\n\n".join(part for part in system if part)
    turns = [message for message in question if message.role != "system"]
    if passages and not uses_passages(variant.prompt):
        turns = _with_passages(turns, passages)
    opening = (Message(role="system", content=head),) if head else ()
    return (*opening, *_shown(shots_for(variant, question)), *turns)


def passage_lines(passages: Sequence[Passage]) -> str:
    """The passages as the model sees them: `[1] title: text`, one line each."""
    return "\n".join(f"[{place}] {_line(each)}" for place, each in enumerate(passages, 1))


def _line(passage: Passage) -> str:
    title, text = " ".join(passage.title.split()), " ".join(passage.text.split())
    return f"{title}: {text}" if title else text


def _shown(shots: Iterable[Example]) -> tuple[Message, ...]:
    return tuple(message for shot in shots for message in shot.messages if message.role != "system")


def _with_passages(turns: Sequence[Message], passages: Sequence[Passage]) -> list[Message]:
    last = max((place for place, turn in enumerate(turns) if turn.role == "user"), default=None)
    if last is None:
        return [Message(role="user", content=passage_lines(passages)), *turns]
    asked = Message(role="user", content=f"{passage_lines(passages)}\n\n{turns[last].content}")
    return [*turns[:last], asked, *turns[last + 1 :]]
