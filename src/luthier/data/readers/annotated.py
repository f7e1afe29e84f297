"""Exports of annotation tools: Argilla's records and Label Studio's tasks.

The question is the field that `columns` maps to `prompt`, or the only text there is; the answer is what people
submitted. Where they disagree the row waits for somebody to decide, and is no row.
"""

from collections.abc import Iterator, Mapping, Sequence

from luthier.data.readers.conversations import Turn, parsed, side, tags_of
from luthier.data.readers.json_records import json_text
from luthier.data.readers.parts import Draft, Malformed, NothingToLearn, Object, Origin
from luthier.domain.value import Json

_ARGILLA = frozenset({"fields", "responses", "suggestions", "vectors", "status", "_server_id", "external_id"})
_STUDIO = frozenset({
    "data", "annotations", "predictions", "drafts", "meta", "file_upload", "inner_id", "total_annotations",
    "cancelled_annotations", "total_predictions", "comment_count", "unresolved_comment_count", "comment_authors",
    "last_comment_updated_at", "project", "updated_by", "updated_at", "completions",
})  # fmt: skip
_PROMPTS = ("prompt", "instruction", "question", "input", "text", "messages", "chat")
_ANSWERS = ("draft", "completion", "response", "answer", "output")


def argilla(row: Object, _: Origin) -> Sequence[Draft]:
    """A record with `fields` and `responses`, as versions 1 and 2 write them; a field with an answer is the draft."""
    fields, responses = parsed(row.get("fields")), parsed(row.get("responses"))
    if not isinstance(fields, dict):
        raise Malformed("`fields` is no object")
    answer = _agreed(_submitted(responses))
    draft = next((fields[name] for name in _ANSWERS if isinstance(fields.get(name), str)), None)
    question = _question({name: value for name, value in fields.items() if name not in _ANSWERS})
    rejected = draft if isinstance(draft, str) and draft.strip() != answer.strip() else None
    return (Draft([*question, ("assistant", answer)], tags_of(row, _ARGILLA), rejected=rejected),)


def label_studio(row: Object, _: Origin) -> Sequence[Draft]:
    """A task with `data` and `annotations`: choices, texts, ratings, or which of two answers is better."""
    data, annotations = row.get("data"), row.get("annotations", row.get("completions"))
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise Malformed("`data` is no object or `annotations` is no list")
    results = [_results_of(annotation) for annotation in annotations]
    picked = [result for result in results if result is not None]
    if not picked:
        raise NothingToLearn("nobody annotated this task")
    answer = _agreed(json_text(result) if len(result) > 1 else _only(result) for result in picked)
    tags = tags_of(row, _STUDIO) | {name: value for name, value in data.items() if name == "id"}
    if answer in {"left", "right"} and "left" in data and "right" in data:
        return (_of_two(data, answer, tags),)
    return (Draft([*_question(data), ("assistant", answer)], tags),)


def _of_two(data: Object, side_picked: str, tags: Object) -> Draft:
    other = "right" if side_picked == "left" else "left"
    liked, less_liked = data[side_picked], data[other]
    if not isinstance(liked, str) or not isinstance(less_liked, str):
        raise Malformed("`left` or `right` is no text")
    question = _question({name: value for name, value in data.items() if name not in {"left", "right"}})
    return Draft([*question, ("assistant", liked)], tags, rejected=less_liked)


def _question(fields: Mapping[str, Json]) -> list[Turn]:
    for name in _PROMPTS:
        if fields.get(name):
            return side(fields[name], "user")
    texts = [value for name, value in fields.items() if isinstance(value, str) and name != "id"]
    if len(texts) != 1:
        raise Malformed("which field is the question? map it: `columns: {prompt: NAME}`")
    return [("user", texts[0])]


def _submitted(responses: Json) -> Iterator[str]:
    """Answers of everybody who submitted one."""
    if isinstance(responses, dict):
        given = [
            one for answers in list(responses.values())[:1] for one in (answers if isinstance(answers, list) else [])
        ]
        for one in given:
            if isinstance(one, dict) and one.get("status", "submitted") == "submitted" and one.get("value") is not None:
                yield _as_text(one["value"])
    elif isinstance(responses, list):
        for one in responses:
            values = one.get("values") if isinstance(one, dict) else None
            if isinstance(one, dict) and isinstance(values, dict) and one.get("status", "submitted") == "submitted":
                told = next(iter(values.values()), None)
                yield _as_text(told.get("value") if isinstance(told, dict) else told)


def _agreed(answers: Iterator[str]) -> str:
    told = list(dict.fromkeys(answers))
    if not told:
        raise NothingToLearn("nobody submitted an answer")
    if len(told) > 1:
        raise NothingToLearn("annotators disagree; decide the row and export it again")
    return told[0]


def _results_of(annotation: Json) -> Object | None:
    """Control's name -> what was picked; None where the annotation was cancelled or is empty."""
    if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
        return None
    results = annotation.get("result")
    found = {str(one.get("from_name")): _picked(one) for one in (results if isinstance(results, list) else [])
             if isinstance(one, dict)}  # fmt: skip
    return found or None


def _picked(result: Object) -> Json:
    value = result.get("value")
    for name in ("choices", "text", "rating", "number", "selected", "taxonomy"):
        if isinstance(value, dict) and name in value:
            told = value[name]
            return told[0] if isinstance(told, list) and len(told) == 1 else told
    raise Malformed(f"an annotation of type {result.get('type')!r} is no answer; choices, texts and ratings are")


def _only(result: Object) -> str:
    return _as_text(next(iter(result.values())))


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)
