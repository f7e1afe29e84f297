"""Numbers that states, banks and hospitals give to people: a shape, a check where there is one, and words that go before."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from luthier.text.pii import checksums as check
from luthier.text.pii.spans import DIGITS, LEAST_SCORE, Found, Recogniser, raised, recogniser

_WINDOW = 64
"""Characters before a number in which a word may say what it is."""

_CHECKED_AND_SAID = 0.85
"""The score of a number with right check digits after the word for it: surer than the shape of a phone number."""

_COMPACT = str.maketrans("", "", " -./")


class Identifier(NamedTuple):
    """One kind of number."""

    entity: str
    shape: str
    score: float
    context: str
    passes: Callable[[str], bool] | None = None
    """Takes the number without spaces, hyphens, points and slashes, in capitals."""

    needs: str = DIGITS
    """What is looked for first, in every text."""

    ignore_case: bool = False


_DRIVER = r"driv(?:er|ing|ers)(?:'?s)?|licen[cs]es?|permit|dls?|cdl|lic"

IDENTIFIERS = (
    Identifier("US_BANK_NUMBER", r"\d{8,17}", 0.05, r"accounts?|acct|bank|check(?:ing)?|debit|savings|deposit|konto"),
    Identifier("US_DRIVER_LICENSE", r"[A-Z]{1,3}\d{3,13}|\d{1,3}[A-Z]{1,3}\d{3,9}|[A-Z]\d{2,3}[- ]\d{3}[- ]\d{2}[- ]\d{3}(?:-\d)?",
               0.3, _DRIVER, needs="(?-u)[0-9]{3}"),
    Identifier("US_DRIVER_LICENSE", r"\d{6,14}|\d{16}", 0.01, _DRIVER, needs="(?-u)[0-9]{3}"),
    Identifier("US_PASSPORT", r"\d{9}|[A-Z]\d{8}", 0.1, r"passports?|travel document"),
    Identifier("US_ITIN", r"9\d\d[- ](?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])[- ]\d{4}", 0.5, "itin|tax ?payer|tax id|tin"),
    Identifier("US_ITIN", r"9\d\d[- ]?(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])[- ]?\d{4}", 0.3, "itin|tax ?payer|tax id|tin"),
    Identifier("ABA_ROUTING_NUMBER", r"\d{4}-?\d{4}-?\d", 0.05, "aba|routing|rtn|bank transit", check.passes_aba),
    Identifier("US_NPI", r"[12]\d{9}", 0.1, "npi|national provider|provider", check.passes_npi),
    Identifier("MEDICAL_LICENSE", r"[A-HJ-MPR-UXa-hj-mpr-ux][A-Za-z9]\d{7}", 0.4, "medical|dea|certificate|prescriber", check.passes_dea),
    Identifier("UK_NHS", r"\d{3}[- ]\d{3}[- ]\d{4}", 0.5, "nhs|national health|health authority|patient", check.passes_nhs),
    Identifier("UK_NHS", r"\d{10}", 0.3, "nhs|national health|health authority", check.passes_nhs),
    Identifier("UK_NINO", r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", 0.5, "nino|national insurance|ni number", ignore_case=True),
    Identifier("AU_ABN", r"\d\d \d{3} \d{3} \d{3}", 0.3, "abn|business number", check.passes_abn),
    Identifier("AU_ABN", r"\d{11}", 0.05, "abn|business number", check.passes_abn),
    Identifier("AU_ACN", r"\d{3} ?\d{3} ?\d{3}", 0.05, "acn|company number", check.passes_acn),
    Identifier("AU_TFN", r"\d{3} ?\d{3} ?\d{3}", 0.05, "tfn|tax file", check.passes_tfn),
    Identifier("AU_MEDICARE", r"[2-6]\d{3}[ -]?\d{5}[ -]?\d", 0.05, "medicare", check.passes_medicare),
    Identifier("CA_SIN", r"\d{3}[- ]?\d{3}[- ]?\d{3}", 0.05, "sin|social insurance|nas", check.passes_sin),
    Identifier("IN_PAN", r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", 0.6, "pan|permanent account", needs="(?-u)[0-9]{4}[A-Z]"),
    Identifier("IN_AADHAAR", r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}", 0.5, "aadhaa?r|uidai|uid", check.passes_verhoeff),
    Identifier("IN_AADHAAR", r"[2-9]\d{11}", 0.2, "aadhaa?r|uidai|uid", check.passes_verhoeff),
    Identifier("SG_NRIC_FIN", r"[STFGM]\d{7}[A-Z]", 0.7, "nric|fin|identity card", check.passes_fin),
    Identifier("ES_NIF", r"\d{8}[ -]?[A-HJ-NP-TV-Z]", 0.6, "nif|dni", check.passes_nif),
    Identifier("ES_NIE", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", 0.6, "nie|extranjero", check.passes_nif),
    Identifier("IT_FISCAL_CODE", r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", 0.8, "fiscal|codice fiscale", check.passes_fiscal_code, needs="(?-u)[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]", ignore_case=True),
    Identifier("IT_VAT_CODE", r"(?:IT)?\d{11}", 0.05, "iva|vat|partita", check.passes_luhn),
    Identifier("PL_PESEL", r"\d{11}", 0.2, "pesel", check.passes_pesel),
    Identifier("FI_PERSONAL_IDENTITY_CODE", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", 0.7, "hetu|henkil|personal identity", check.passes_finnish),
    Identifier("KR_RRN", r"\d{6}-[1-4]\d{6}", 0.5, "rrn|resident registration|jumin", check.passes_rrn),
    Identifier("SE_PERSONNUMMER", r"(?:19|20)?\d{6}[-+]\d{4}", 0.5, "personnummer|personal number", check.passes_swedish),
    Identifier("DE_TAX_ID", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", 0.1, "steuer|tax id|idnr|identifikationsnummer", check.passes_german_tax_id),
    Identifier("NL_BSN", r"\d{9}", 0.05, "bsn|burgerservice|sofi", check.passes_bsn),
    Identifier("BR_CPF", r"\d{3}\.\d{3}\.\d{3}-\d\d", 0.8, "cpf", check.passes_cpf),
    Identifier("BR_CPF", r"\d{11}", 0.1, "cpf", check.passes_cpf),
    Identifier("FR_NIR", r"[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", 0.6, "nir|s[eé]curit[eé] sociale", check.passes_nir),
    Identifier("TR_IDENTITY_NUMBER", r"[1-9]\d{10}", 0.1, "tc|kimlik", check.passes_turkish),
    Identifier("TH_TNIN", r"\d-?\d{4}-?\d{5}-?\d\d-?\d", 0.1, "thai|identity|national id", check.passes_thai),
    Identifier("MAC_ADDRESS", r"[0-9A-Fa-f]{2}(?P<mac>[:-])(?:[0-9A-Fa-f]{2}(?P=mac)){4}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
               0.6, "mac|hardware|ethernet", needs=r"(?-u)[:-][0-9A-Fa-f]{2}[:-]|\.[0-9A-Fa-f]{4}\."),
    Identifier("UUID", r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", 0.2, "device|user|customer|session", needs="(?-u)-[0-9A-Fa-f]{4}-"),
    Identifier("CRYPTO", r"[13][1-9A-HJ-NP-Za-km-z]{25,34}", 0.9, "wallet|btc|bitcoin|crypto", check.passes_base58, needs="(?-u)bc1|0x[0-9a-fA-F]{40}|[13][0-9A-Za-z]{25}"),
    Identifier("CRYPTO", r"bc1[02-9ac-hj-np-z]{11,71}", 0.9, "wallet|btc|bitcoin|crypto", check.passes_bech32, needs="(?-u)bc1|0x[0-9a-fA-F]{40}|[13][0-9A-Za-z]{25}"),
    Identifier("CRYPTO", r"0x[0-9a-fA-F]{40}", 0.7, "wallet|eth|ethereum|crypto", needs="(?-u)bc1|0x[0-9a-fA-F]{40}|[13][0-9A-Za-z]{25}"),
)  # fmt: skip
"""Scores as a person would give them who sees the number alone; below 0.4 it takes a word in front."""


def _recognise(kinds: list[Identifier]) -> Recogniser:
    flags = [re.IGNORECASE if kind.ignore_case else 0 for kind in kinds]
    shapes = [re.compile(rf"(?<![\w.-])(?:{k.shape})(?![\w]|-\d)", flag) for k, flag in zip(kinds, flags, strict=True)]
    contexts = [re.compile(rf"(?<![^\W_])(?:{kind.context})(?![^\W_])", re.IGNORECASE) for kind in kinds]

    def recognise(text: str) -> Iterator[Found]:
        for kind, shape, context in zip(kinds, shapes, contexts, strict=True):
            for match in shape.finditer(text):
                said = context.search(text, max(0, match.start() - _WINDOW), match.start())
                if kind.passes is None or kind.passes(_compact(kind, match[0])):
                    score = raised(kind.score) if said else kind.score
                    sure = max(score, _CHECKED_AND_SAID) if said and kind.passes else score
                    yield Found(match.start(), match.end(), sure)

    recognise.__doc__ = f"Numbers of the kind {kinds[0].entity}."
    return recognise


def _compact(kind: Identifier, number: str) -> str:
    if kind.entity in {"FI_PERSONAL_IDENTITY_CODE"} or kind.passes in {check.passes_base58, check.passes_bech32}:
        return number
    return number.translate(_COMPACT).upper().removeprefix("IT" if kind.entity == "IT_VAT_CODE" else "\0")


def _gate(kinds: list[Identifier]) -> tuple[str, ...]:
    """What a text must hold: digits, then the shape of one kind, and its word where each shape alone is too weak."""
    shapes = "|".join(_without_looking(kind.shape) for kind in kinds)
    insensitive = "(?i)" if any(kind.ignore_case for kind in kinds) else ""
    needs = (kinds[0].needs, insensitive + shapes.replace(r"\d", "[0-9]"))
    if any(kind.score >= LEAST_SCORE for kind in kinds):
        return needs
    return (*needs, "(?i)" + "|".join(dict.fromkeys(kind.context for kind in kinds)))


def _without_looking(shape: str) -> str:
    """A shape that an engine without look-ahead and back-references reads; it matches whatever the shape does."""
    return re.sub(r"\(\?![^)]*\)", "", shape).replace("(?P=mac)", "[:-]").replace("(?P<mac>", "(?:")


for _entity in dict.fromkeys(kind.entity for kind in IDENTIFIERS):
    _kinds = [kind for kind in IDENTIFIERS if kind.entity == _entity]
    recogniser(_entity, *_gate(_kinds))(_recognise(_kinds))
