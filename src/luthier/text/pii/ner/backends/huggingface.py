"""Names and places as a token-classification model of Hugging Face finds them; torch is imported when needed."""

from collections.abc import Iterator, Sequence
from typing import Any

from luthier.errors import MissingInput
from luthier.text.pii.ner.tagger import Named

_ENTITIES = {
    "PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION",
    "GPE": "LOCATION", "LOCATION": "LOCATION", "FAC": "LOCATION",
    "ADDRESS": "STREET_ADDRESS", "STREET_ADDRESS": "STREET_ADDRESS",
    "ORG": "ORGANIZATION", "ORGANIZATION": "ORGANIZATION",
    "NORP": "NRP", "NRP": "NRP", "TITLE": "TITLE", "AGE": "AGE",
}  # fmt: skip
"""Labels of common models -> our names; what a label says otherwise is no personal data here (`MISC`, `DATE`)."""

_TEXTS_AT_ONCE = 16


class HuggingFaceNames:
    """A model of the hub or of a folder, safetensors only, its own code never run."""

    def __init__(self, model: str) -> None:
        try:
            import transformers  # noqa: PLC0415 - torch takes seconds and hundreds of megabytes

            self._model = transformers.AutoModelForTokenClassification.from_pretrained(model, use_safetensors=True)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(model, use_fast=True)
        except ImportError as fault:
            raise MissingInput(
                f"the model {model!r} of `data.pii.ner` needs transformers", hint="pip install 'luthier[local]'"
            ) from fault
        except (OSError, ValueError) as fault:
            raise MissingInput(
                f"the model {model!r} of `data.pii.ner` cannot be read",
                hint="name a token-classification model with safetensors and a fast tokenizer, `bundled` or `off`",
            ) from fault
        self._model.eval()

    def find(self, texts: Sequence[str]) -> list[list[Named]]:
        """The names in each text, in order and without overlaps; a long text is read in windows."""
        found: list[list[Named]] = [[] for _ in texts]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            part = list(texts[start : start + _TEXTS_AT_ONCE])
            for place, named in self._windows(part):
                if not found[start + place] or found[start + place][-1].end <= named.start:
                    found[start + place].append(named)
        return found

    def _windows(self, texts: list[str]) -> Iterator[tuple[int, Named]]:
        import torch  # noqa: PLC0415 - see above

        longest = min(512, int(self._model.config.max_position_embeddings))
        read = self._tokenizer(
            texts, truncation=True, max_length=longest, padding=True, return_tensors="pt",
            return_offsets_mapping=True, return_overflowing_tokens=True,
        )  # fmt: skip
        places, texts_of = read.pop("offset_mapping").tolist(), read.pop("overflow_to_sample_mapping").tolist()
        with torch.inference_mode():
            shares = self._model(**read).logits.softmax(-1)
        best = shares.max(-1)
        for row, text in enumerate(texts_of):
            labels = [self._model.config.id2label[int(n)] for n in best.indices[row]]
            for named in _spans(places[row], labels, best.values[row].tolist()):
                yield text, named


def _spans(places: Sequence[Sequence[int]], labels: Sequence[str], scores: Sequence[float]) -> Iterator[Named]:
    """Runs of tokens with one label; a `B-` begins a new one, except inside a word."""
    run: list[Any] | None = None
    for (start, end), label, score in zip(places, labels, scores, strict=True):
        entity = _ENTITIES.get(label.removeprefix("B-").removeprefix("I-").upper())
        if start == end:
            continue
        goes_on = run is not None and entity == run[2] and (start == run[1] or not label.startswith("B-"))
        if run is not None and goes_on:
            run[1] = end
            run[3].append(score)
            continue
        if run is not None:
            yield Named(run[0], run[1], run[2], sum(run[3]) / len(run[3]))
        run = [start, end, entity, [score]] if entity else None
    if run is not None:
        yield Named(run[0], run[1], run[2], sum(run[3]) / len(run[3]))
