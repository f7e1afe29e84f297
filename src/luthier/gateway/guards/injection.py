"""Instructions to the model that stand inside what should be data: patterns, so a sieve and no proof."""

import re

from luthier.text.normalise import visible

_PATTERNS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|preceding|all|your)\b"
    r"[^.\n]{0,30}\b(?:instruction|prompt|rule|direction|guideline|polic)"
    r"|\b(?:reveal|print|repeat|show|output|leak)\b[^.\n]{0,30}\b(?:system|hidden|initial|developer)\s{1,3}(?:prompt|message|instruction)"
    r"|\byou\s{1,3}are\s{1,3}(?:now|no\s{1,3}longer)\b[^.\n]{0,60}\b(?:mode|dan|jailbr|unrestricted|assistant|bound)"
    r"|\b(?:pretend|act)\b[^.\n]{0,30}\b(?:no|without)\b[^.\n]{0,20}\b(?:restriction|filter|rule|limit|guideline)"
    r"|\bnew\s{1,3}(?:system\s{1,3})?(?:instructions|prompt)\s{0,3}:"
    r"|<\|?(?:im_start|im_end|system|endoftext|start_header_id|eot_id)\|?>|\[/?INST\]|<</?SYS>>"
    r"|\b(?:ignoriere|vergiss)\b[^.\n]{0,40}\b(?:anweisung|regel|vorgabe|prompt)",
    re.IGNORECASE,
)
_SIGNS = (
    "instruction", "prompt", "rule", "direction", "guideline", "polic", "message", "mode", "dan", "jailbr",
    "unrestricted", "assistant", "bound", "restriction", "filter", "limit", "<", "inst]", "anweisung", "regel",
    "vorgabe",
)  # fmt: skip
"""Every pattern needs one of them; looking for them costs a tenth of the patterns."""


def looks_injected(text: str) -> bool:
    """Whether the text, as a reader sees it, tells the model to leave its instructions."""
    if not text.isascii():
        return bool(_PATTERNS.search(visible(text).text))
    low = text.lower()
    return any(sign in low for sign in _SIGNS) and bool(_PATTERNS.search(text))
