"""Finding personal data in text, and taking it out.

Patterns with their checks find addresses, accounts, numbers that states give, and secrets - also where invisible
characters or look-alike letters split them, and where a word in front says what a weak number is. Names, places and
organisations are found where a tagger is passed as `names`. A plug-in adds recognisers under `luthier.pii_recogniser`.
"""

from luthier.text.pii import accounts, contacts, identifiers, secrets  # noqa: F401 - importing registers recognisers
from luthier.text.pii.find import Names, find_pii
from luthier.text.pii.operators import Action, Cleared, clear, mask, salted, take_out, unlock
from luthier.text.pii.spans import LEAST_SCORE, Found, Recogniser, Span, pii_recognisers

__all__ = [
    "LEAST_SCORE",
    "Action",
    "Cleared",
    "Found",
    "Names",
    "Recogniser",
    "Span",
    "clear",
    "find_pii",
    "mask",
    "pii_recognisers",
    "salted",
    "take_out",
    "unlock",
]
