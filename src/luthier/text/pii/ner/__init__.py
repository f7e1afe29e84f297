"""Names and places in text: a small tagger of our own, in numpy, or a model of Hugging Face."""

from luthier.text.pii.find import Names
from luthier.text.pii.ner.backends.huggingface import HuggingFaceNames
from luthier.text.pii.ner.tagger import bundled

__all__ = ["names_of"]


def names_of(setting: str) -> Names | None:
    """What `data.pii.ner` names: `bundled`, `off` (None), or a token-classification model by its id or folder."""
    if setting == "off":
        return None
    return bundled() if setting == "bundled" else HuggingFaceNames(setting)
