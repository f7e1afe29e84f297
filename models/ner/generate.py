"""Labelled sentences out of templates and values, without end and always the same for one seed."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from models.ner.addresses import address, postcode, street, street_name, unit
from models.ner.derive import Derived
from models.ner.values import ORGS, PLACES, WORDS, Piece, Values

Labelled = tuple[str, list[tuple[int, int, str]]]
"""A text with its spans: start, end, label."""

_SLOT = re.compile(r"\{(lower:)?([A-Z0-9]+)\}")
_CHOICE = re.compile(r"\(([^()]*)\)")
_WHO = (
    "man|woman|boy|girl|child|king|captain|stranger|lady|gentleman|fellow|doctor|teacher|driver|customer|patient|manager|"
    "nurse|author|president|officer|owner|guy|student|guest|clerk"
)
_KIN = "friend|brother|sister|mother|mom|father|dad|wife|husband|son|daughter|uncle|aunt|boss|neighbor|roommate|cousin"
_WHERE = (
    "town|city|village|country|island|valley|capital|province|colony|world|place|forest|sea|river|shore|state|region|"
    "beach|area|neighborhood|county"
)
_WHAT = (
    "bank|company|firm|school|office|church|club|army|government|police|court|hospital|college|shop|store|team|party|"
    "hotel|restaurant|airline|university|agency|department|library|pharmacy|website|app|service|insurance|organization"
)
_OWNED = "own|hand|eyes|face|head|father|mother|husband|heart|voice|room|house|mind|arms|life|hair|job|car|money|phone"
_INSTEAD = [
    (re.compile(pattern, re.IGNORECASE), slot)
    for pattern, slot in (
        (rf"\b(?:he|she|him)\b|\bthe (?:old |young |little |poor )?(?:{_WHO})\b", "{PERSON}"),
        (rf"\bhis\b|\bher(?= (?:{_OWNED}))\b", "{PERSON}'s"),
        (rf"\bthe (?:{_WHERE})\b", "{PLACE}"),
        (rf"\b(?:my|your|his|her|our) (?:{_KIN})\b|\b(?:someone|somebody|anyone|everyone)\b(?! else)", "{PERSON}"),
        (rf"\b(?:my|your|the|a|this) (?:{_WHAT})\b", "{ORG}"),
        (r"(?<= )(?:over )?(?:there|here)(?=[.?!,])", "in {PLACE}"),
        (r"(?<=\bin )(?:it|this|that|them)\b", "{PLACE}"),
        (r"(?<=\bwith )(?:me|us|you|them)\b|(?<=\bfrom )(?:you|them)\b|(?<=\bfor )(?:you|them)\b", "{WHOEVER}"),
        (r"(?<=to )(?:the house|my house|the door|the street|the hotel)\b|(?<=at )(?:the house|home)\b", "{ADDR1}"),
    )
]
"""What prose says instead of a name, and the slot that takes its place."""

_OPEN, _CLOSE = "\ue000", "\ue001"


def templates() -> list[str]:
    """The lines of `templates.txt`."""
    lines = (Path(__file__).parent / "templates.txt").read_text(encoding="utf-8").splitlines()
    return [
        line.replace("\\n", "\n").replace("\\t", "\t")
        for line in lines
        if line and not line.startswith(("# One", "##"))
    ]


def sentences(seed: int, derived: Derived) -> Iterator[Labelled]:
    """Labelled texts for ever: one template or two or three of them, then case and surroundings as people write."""
    values = Values(Random(seed), derived)
    known = templates()
    while True:
        pieces = _one(known, values)
        for _ in range(values.pick((0, 0, 0, 1, 2))):
            ended = "".join(text for text, _ in pieces).rstrip().endswith((".", "!", "?", ":"))
            pieces += [(values.pick((" ", " ", "\n")) if ended else values.pick(("\n", "\n", " - ", ". ", "; ")), "")]
            pieces += _one(known, values)
        yield _joined(_as_people_write(pieces, values))


def _one(known: Sequence[str], values: Values) -> list[Piece]:
    """A sentence of a template, or of prose in which somebody or some place is named instead of meant, or nobody."""
    if values.chance(0.06):
        return [(_clause(values), "")]
    return fill(_named(values) if values.chance(0.3) else values.pick(known), values)


def _swapped(pattern: re.Pattern[str], slot: str, text: str, values: Values) -> str:
    """`text` with `slot` in four of five places where `pattern` stands."""
    return pattern.sub(lambda match: slot if values.chance(0.8) else match[0], text)


def _named(values: Values) -> str:
    """A sentence of prose with slots where it says `he` or `the town`."""
    for _ in range(50):
        text = values.pick(values.derived.clauses)
        named = text
        for pattern, slot in _INSTEAD:
            named = _swapped(pattern, slot, named, values)
        if "{" in named and (values.chance(0.4) or re.search(r"\{(?!PERSON)", named)):
            return named
    return text


def fill(template: str, values: Values) -> list[Piece]:
    """A template with its choices made and its slots filled."""
    while match := _CHOICE.search(template):
        inside = match[1]
        chosen = values.pick(inside.split("|")) if "|" in inside else f"{_OPEN}{inside}{_CLOSE}"
        template = template[: match.start()] + chosen + template[match.end() :]
    template = template.replace(_OPEN, "(").replace(_CLOSE, ")")
    pieces: list[Piece] = []
    place = 0
    for slot in _SLOT.finditer(template):
        made = SLOTS[slot[2]](values)
        pieces += [
            (template[place : slot.start()], ""),
            *((t.lower(), label) if slot[1] else (t, label) for t, label in made),
        ]
        place = slot.end()
    return [*pieces, (template[place:], "")]


def _as_people_write(pieces: list[Piece], values: Values) -> list[Piece]:
    kind = values.random.random()
    if kind < 0.1:
        pieces = [(text.lower(), label) for text, label in pieces]
    elif kind < 0.12:
        pieces = [(text.upper(), label) for text, label in pieces]
    elif kind < 0.5:
        pieces = _with_capital(pieces)
    if values.chance(0.1) and not pieces[-1][1]:
        pieces[-1] = (pieces[-1][0].rstrip(".!?"), "")
    if values.chance(0.06):
        pieces = [(text.replace("\n", "\\n"), label) for text, label in pieces]
    if values.chance(0.04):
        pieces = [(text.replace(" ", "  "), "") if not label else (text, label) for text, label in pieces]
    if values.chance(0.05):
        pieces = [(values.pick(["- ", "> ", "* ", "1. ", "> > ", '"', "("]), ""), *pieces]
    return pieces


def _with_capital(pieces: list[Piece]) -> list[Piece]:
    """The first letter of the text in upper case."""
    for place, (text, label) in enumerate(pieces):
        if text.strip():
            return [*pieces[:place], (text[:1].upper() + text[1:], label), *pieces[place + 1 :]]
    return pieces


def _joined(pieces: list[Piece]) -> Labelled:
    spans, length = [], 0
    for text, label in pieces:
        if label and text.strip():
            spans.append((length, length + len(text), label))
        length += len(text)
    return "".join(text for text, _ in pieces), spans


def _plain(make: Callable[[Values], str]) -> Callable[[Values], list[Piece]]:
    return lambda values: [(make(values), "")]


def _labelled(label: str, make: Callable[[Values], str]) -> Callable[[Values], list[Piece]]:
    return lambda values: [(make(values), label)]


def _one_of(name: str) -> Callable[[Values], list[Piece]]:
    return _plain(lambda values: str(values.pick(WORDS[name])))


def _clause(values: Values) -> str:
    text = values.pick(values.derived.clauses)
    return text if values.chance(0.5) else text[:1].lower() + text[1:]


def _cap_phrase(values: Values) -> str:
    """A heading: plain words, products, days and fields of forms with capitals, none of them an entity."""
    if values.chance(0.4):
        return " ".join(
            values.pick([*WORDS["capitals"], *WORDS["products"]]) for _ in range(values.random.randint(1, 3))
        )
    words = values.pick(values.derived.clauses).rstrip(".?!").split()[: values.random.randint(2, 6)]
    return " ".join(words).title() if values.chance(0.7) else " ".join(words).upper()


def _place(values: Values) -> list[Piece]:
    if values.chance(0.12):
        second = values.pick(
            PLACES["country" if values.chance(0.5) else "region" if values.chance(0.5) else "abbreviation"]
        )
        return [(values.city(), "LOCATION"), (values.pick([", ", ", ", " "]), ""), (second, "LOCATION")]
    return [(values.place(), "LOCATION")]


def _titled(values: Values) -> list[Piece]:
    pieces = [(values.person(), "PERSON")]
    return [(values.pick(WORDS["titles"]), "TITLE"), (" ", ""), *pieces] if values.chance(0.12) else pieces


def _age_phrase(values: Values) -> list[Piece]:
    age = str(values.random.randint(1, 99))
    return values.pick(
        [[(f"{age} years old", "AGE")], [(age, "AGE")], [(f"{age} y/o", "AGE")], [("aged ", ""), (age, "AGE")]]
    )


def _snake(values: Values) -> str:
    return "_".join(values.pick([*WORDS["nouns"], *WORDS["verbs"]]) for _ in range(values.random.randint(1, 3)))


def _email(values: Values) -> str:
    return f"{values.first().lower()}.{values.last().lower()}@{values._coin('city', PLACES['city']).lower()}.com"


SLOTS: Mapping[str, Callable[[Values], list[Piece]]] = {
    "PERSON": _titled,
    "PERSONLONG": _labelled("PERSON", Values.full),
    "FULL": _labelled("PERSON", lambda values: values.full() if values.chance(0.85) else values.person()),
    "FIRST": _labelled("PERSON", lambda values: values.first()),
    "LAST": _labelled("PERSON", lambda values: values.last()),
    "TITLE": _labelled("TITLE", lambda values: values.pick(WORDS["titles"])),
    "PREFIXONLY": _labelled("TITLE", lambda values: values.pick(WORDS["titles"])),
    "PLACE": _place,
    "CITY": _labelled("LOCATION", Values.city),
    "COUNTRY": _labelled("LOCATION", lambda values: values.pick(PLACES["country"])),
    "REGION": _labelled("LOCATION", lambda values: values.pick(PLACES["region"])),
    "ABBR": _labelled("LOCATION", lambda values: values.pick(PLACES["abbreviation"])),
    "ADDR": _labelled("STREET_ADDRESS", address),
    "ADDR1": _labelled("STREET_ADDRESS", lambda values: address(values).replace("\n", ", ")),
    "STREET": _labelled("STREET_ADDRESS", street),
    "STREETNAME": _labelled("STREET_ADDRESS", street_name),
    "UNIT": _labelled("STREET_ADDRESS", unit),
    "WHOEVER": lambda values: values.pick((_titled, _labelled("ORGANIZATION", Values.org)))(values),
    "ZIP": _labelled("LOCATION", postcode),
    "ORG": _labelled("ORGANIZATION", Values.org),
    "NRP": _labelled("NRP", lambda values: values.pick(PLACES["nationality"])),
    "AGE": _labelled("AGE", lambda values: str(values.random.randint(1, 99))),
    "AGEPHRASE": _age_phrase,
    "JOB": _one_of("jobs"),
    "JOBCAP": _plain(lambda values: str(values.pick(WORDS["jobs"])).title()),
    "NOUN": _one_of("nouns"),
    "NOUNCAP": _plain(lambda values: str(values.pick(WORDS["nouns"])).title()),
    "VERB": _one_of("verbs"),
    "VERBED": _one_of("verbed"),
    "ADJ": _one_of("adjectives"),
    "LEGAL": _one_of("legal"),
    "PRODUCT": _one_of("products"),
    "WEEKDAY": _one_of("weekdays"),
    "MONTH": _one_of("months"),
    "CLAUSE": _plain(_clause),
    "CAPPHRASE": _plain(_cap_phrase),
    "SHOUT": _plain(lambda values: _clause(values).upper()),
    "DET": _plain(lambda values: values.pick(["the", "a", "this", "that", "my", "The", "A", "This"])),
    "PRON": _plain(lambda values: values.pick(["he", "she", "they", "I", "we"])),
    "NUM": _plain(lambda values: str(values.random.randint(0, 10 ** values.random.randint(1, 5)))),
    "DAY": _plain(lambda values: str(values.random.randint(1, 31))),
    "YEAR": _plain(lambda values: str(values.random.randint(1800, 2027))),
    "DATE": _plain(Values.date),
    "TIME": _plain(lambda values: values.digits(values.pick(["9:99", "19:99", "9 pm", "9:99am", "09:99:99"]))),
    "MONEY": _plain(lambda values: values.digits(values.pick(["$99", "€9,999", "99.99 EUR", "£999", "$9.9 million"]))),
    "EMAIL": _plain(_email),
    "PHONE": _plain(
        lambda values: values.digits(values.pick(["(999) 999-9999", "+99 99 999 9999", "999-999-9999", "099 9999 999"]))
    ),
    "URL": _plain(
        lambda values: (
            f"{values.pick(['https://', 'www.', 'http://www.'])}{values._coin('city', PLACES['city']).lower()}.com/"
        )
    ),
    "ID": _plain(
        lambda values: values.digits(
            values.pick(["AA-9999", "A99999999", "9999 9999 9999 9999", "999999999", "AA99AA9999"])
        )
    ),
    "SNAKE": _plain(_snake),
}
NAMED = {*ORGS["known"], *(word for kind in ("city", "country", "region", "nationality") for word in PLACES[kind])}
"""Names that a clause without entities must not hold, in small letters either."""
