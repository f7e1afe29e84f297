"""The parts of a mail: what its author wrote, the mails it quotes, and the signature."""

import re
from typing import NamedTuple

_MAX_SIGNATURE_LINES = 8
_MAX_SIGNATURE_CHARACTERS = 80

_ATTRIBUTION = re.compile(
    r"^(?=.*[\d@])(?:>+ ?)?(?:On\b.{6,200}\bwrote|Am\b.{6,200}\bschrieb\b.{0,120}|Le\b.{6,200}\ba [ée]crit"
    r"|El\b.{6,200}\bescribi[óo]|Il\b.{6,200}\bha scritto|Op\b.{6,200}\bschreef\b.{0,120}|Em\b.{6,200}\bescreveu"
    r"|Den\b.{6,200}\bskrev\b.{0,120}) ?:\s*$"
)
_ATTRIBUTION_START = re.compile(r"^(?:On|Am|Le|El|Il|Op|Em|Den)\b.{6,200}$")
_SEPARATOR = re.compile(
    r"^\s*-{2,}\s*(?:Original Message|Forwarded message|Urspr[üu]ngliche Nachricht|Message d'origine|Mensaje original"
    r"|Messaggio originale|Oorspronkelijk bericht|Mensagem original|Reply above this line)\b",
    re.IGNORECASE,
)
_HEADER = re.compile(r"^\*?(?:From|Von|De|Da|Van|Fra|Fr[åa]n)\s?:\*? .{3,}$")
_HEADER_AFTER = re.compile(
    r"^\*?(?:Sent|Date|To|Subject|Gesendet|Datum|An|Betreff|Envoy[ée]|Objet|Enviado|Para|Asunto"
    r"|Inviato|Oggetto|Onderwerp"
    r"|Aan|Sendt|Til|Emne|Skickat|Till|[ÄA]mne)\s?:\*? "
)
_DEVICE = re.compile(
    r"^(?:Sent from (?:my|Outlook|Mail|Yahoo|Gmail)\b.{0,60}|Get Outlook for \w+.{0,60}|Von meinem \w+ gesendet.{0,20}"
    r"|Gesendet von .{2,40}|Envoy[ée] de mon .{2,40}|Enviado desde mi .{2,40}|Inviato da .{2,40}"
    r"|Verstuurd vanaf .{2,40})$",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"^(?:(?:with )?(?:best|kind|kindest|warm|warmest) (?:regards|wishes)|regards|best|sincerely"
    r"|yours (?:sincerely|faithfully|truly)"
    r"|cheers|many thanks|thanks|thank you|thanks and regards|mit freundlichen gr[üu](?:ß|ss)en"
    r"|(?:viele|beste|liebe) gr[üu](?:ß|ss)e"
    r"|freundliche gr[üu](?:ß|ss)e|cordialement|bien [àa] vous|saludos(?: cordiales)?"
    r"|un saludo|atentamente|cordiali saluti"
    r"|met vriendelijke groet(?:en)?|atenciosamente|med v[äa]nliga h[äa]lsningar|mvh)[,.!]?$",
    re.IGNORECASE,
)


class Reply(NamedTuple):
    """One mail in its parts; each without blank lines around it, empty where the mail has none."""

    text: str
    signature: str
    quoted: str
    """The mail below, without its marks of quoting and without the line that says whose it is."""


def split_reply(text: str) -> Reply:
    """The parts of a mail as plain text; answers between quoted lines stay where they are, with what they answer."""
    lines = text.replace("\r\n", "\n").split("\n")
    end, below = _quoted_tail(lines)
    text, signature = _parted(lines[:end])
    quoted = _unquoted(lines[below:])
    return Reply(text, signature, _parted(quoted[: _quoted_tail(quoted)[0]])[0])


def _parted(own: list[str]) -> tuple[str, str]:
    """The author's text and signature."""
    start = _signature(own)
    return "\n".join(own[:start]).strip(), "\n".join(own[start:]).strip()


def _quoted_tail(lines: list[str]) -> tuple[int, int]:
    """Where the author's own words end, and where the quoted mail begins."""
    nothing_more = _said_after(lines)
    for place, line in enumerate(lines):
        if _SEPARATOR.match(line):
            return place, place + 1
        if _HEADER.match(line) and any(_HEADER_AFTER.match(after) for after in lines[place + 1 : place + 4]):
            return _before_rule(lines, place), place
        length = _attribution_lines(lines, place)
        if length and nothing_more[place + length]:
            return place, place + length
    end = len(lines)
    while end and (lines[end - 1].startswith(">") or not lines[end - 1].strip()):
        end -= 1
    return (end, end) if any(line.startswith(">") for line in lines[end:]) else (len(lines), len(lines))


def _before_rule(lines: list[str], place: int) -> int:
    """The header's place, or that of the drawn line above it."""
    above = place - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and len(lines[above].strip()) >= 5 and not lines[above].strip(" _-") else place


def _attribution_lines(lines: list[str], place: int) -> int:
    """How many lines the words `On ... wrote:` take here; 0 where they do not stand here."""
    if _ATTRIBUTION.match(lines[place]):
        return 1
    if _ATTRIBUTION_START.match(lines[place]) and place + 1 < len(lines) and len(lines[place + 1]) < 200:
        return 2 if _ATTRIBUTION.match(f"{lines[place]} {lines[place + 1]}") else 0
    return 0


def _said_after(lines: list[str]) -> list[bool]:
    """Per line and for the end: whether the author says no more from there on; two lines may sign a quoted mail."""
    told = [True]
    own = quoted = 0
    for line in reversed(lines):
        quoted += line.startswith(">")
        own += bool(line.strip()) and not line.startswith(">")
        told.append(not quoted or own <= 2)
    return told[::-1]


def _signature(lines: list[str]) -> int:
    """The line at which the signature begins."""
    for place, line in enumerate(lines):
        if line in {"-- ", "--", "\u2014"} and len(lines) - place <= 20:
            return place
    start = len(lines)
    filled = [place for place, line in enumerate(lines) if line.strip()]
    if filled and _DEVICE.match(lines[filled[-1]].strip()):
        start = filled.pop()
    for place in filled[-_MAX_SIGNATURE_LINES:]:
        if _CLOSING.match(lines[place].strip()):
            after = [lines[later] for later in filled if later > place]
            return place if all(len(line) <= _MAX_SIGNATURE_CHARACTERS for line in after) else start
    return start


def _unquoted(lines: list[str]) -> list[str]:
    """The quoted mail's lines without marks of quoting and without its header."""
    plain = [re.sub(r"^>+ ?", "", line) for line in lines]
    start = 0
    while start < len(plain) and (
        not plain[start].strip() or _HEADER.match(plain[start]) or _HEADER_AFTER.match(plain[start])
    ):
        start += 1
    return plain[start:]
