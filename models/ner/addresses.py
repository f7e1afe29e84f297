"""Postal addresses as they are written in a dozen countries."""

from models.ner.values import PLACES, WORDS, Values


def street(values: Values) -> str:
    """House number and street, in the order of the country, now and then with a flat."""
    kind = values.random.random()
    number = str(values.random.randint(1, 9999 if kind < 0.5 else 250))
    number += values.pick(["", "", "", "", "", "a", "B", "-3", "/2", "bis"]) if kind >= 0.5 else ""
    if values.chance(0.08):  # forms with a field for the number, filled in twice
        number = f"{values.random.randint(1, 9999)} {number}"
    if kind < 0.5:
        line = f"{number} {street_name(values)}"
    else:
        line = values.pick(
            [_german, _dutch, _nordic, _french, _spanish, _italian, _polish, _hungarian, _czech, _brazilian, _coined]
        )(values, number)
    if values.chance(0.25):
        line += values.pick([", ", " ", "\n", " ", "\n "]) + unit(values)
    elif values.chance(0.04):
        line = f"{values.pick(['PO Box', 'P.O. Box', 'Post Office Box', 'Postfach', 'PSC'])} {number}"
    return line


def street_name(values: Values) -> str:
    """A street as English names it."""
    head = values.pick([values.pick(WORDS["street_names"]), values.last(), values.first(), values.pick(PLACES["city"])])
    if values.chance(0.1):
        head = f"{values.pick(['N', 'S', 'E', 'W', 'North', 'South', 'East', 'West', 'NW', 'SE', 'N.', 'Old'])} {head}"
    return f"{head} {values.pick(WORDS['street_words'][:20] if values.chance(0.6) else WORDS['street_words'])}"


def unit(values: Values) -> str:
    """A flat, a floor, a box, as a part of an address."""
    return f"{values.pick(WORDS['units'])} {values.digits(values.pick(['9', '99', '999', '999', '9A', 'A', '9999']))}"


def address(values: Values) -> str:
    """A whole address on one line or several, complete or not."""
    gap = values.pick([", ", ", ", "\n", " ", ",\n", "\n, ", " , ", "\n ", " \n", "; ", " - ", "\n\n"])
    where = street(values)
    if values.chance(0.15):
        return where
    town = values.city().upper() if values.chance(0.1) else values.city()
    code = postcode(values)
    forms = [
        f"{town}{values.pick([', ', ' '])}{values.pick(PLACES['abbreviation'])} {values.digits('99999')}",
        f"{town}{values.pick([', ', ' '])}{values.pick(PLACES['region'])} {values.digits('99999')}",
        f"{code} {town}", f"{town} {code}", f"{town}{gap}{code}", town,
        f"{town}{gap}{values.pick(PLACES['abbreviation'])}{gap}{values.pick(PLACES['country'])} {code}",
        f"{town}{gap}{values.pick(PLACES['region'])}", f"{town} {code}{gap}{values.pick(PLACES['country'])}",
        f"{town}{gap}{_state(values)}{gap}{code}",
        f"{town}{gap}{_state(values)}{gap}{values.pick(PLACES['country'])} {code}",
        f"{values.pick(PLACES['country'])} {code}", f"{_state(values)} {code}", code,
    ]  # fmt: skip
    whole = f"{where}{gap}{values.pick(forms)}"
    return f"{whole}{gap}{values.pick(PLACES['country'])}" if values.chance(0.3) else whole


def _state(values: Values) -> str:
    """A state or province, short or in full, or what a form without one says."""
    return values.pick([values.pick(PLACES["abbreviation"]), values.pick(PLACES["region"]), values.digits("AA")])


def postcode(values: Values) -> str:
    """A postcode as some country writes it."""
    return values.digits(values.pick(_POSTCODES))


_POSTCODES = [
    "99999", "99999", "9999", "99999-9999", "A9 9AA", "AA99 9AA", "A99 9AA", "AA9A 9AA", "A9A 9A9", "9999 AA", "99-999",
    "999 99", "999999", "AA-9999", "99999-999", "A-9999", "D-99999", "999-9999",
]  # fmt: skip


def _german(values: Values, number: str) -> str:
    stem = values.pick(WORDS["street_de_stems"]) if values.chance(0.7) else values.last("german")
    joined = f"{stem}{values.pick(WORDS['street_de'])}"
    return values.pick(
        [joined, joined, f"{stem.title()}er {values.pick(['Straße', 'Str.', 'Weg', 'Allee', 'Strasse'])}"]
    ) + (f" {number}")


def _dutch(values: Values, number: str) -> str:
    stem = values.pick(WORDS["street_nl_stems"]) if values.chance(0.7) else values.last("dutch")
    return f"{stem}{values.pick(WORDS['street_nl'])} {number}"


def _nordic(values: Values, number: str) -> str:
    stem = values.pick(WORDS["street_se_stems"]) if values.chance(0.7) else values.last("swedish")
    return f"{stem}{values.pick(['', '', ' '])}{values.pick(WORDS['street_se'])} {number}"


def _french(values: Values, number: str) -> str:
    name = values.pick(WORDS["street_fr_names"]) if values.chance(0.7) else values.full()
    return f"{number}{values.pick([',', ''])} {values.pick(WORDS['street_fr'])} {name}"


def _spanish(values: Values, number: str) -> str:
    name = values.pick(WORDS["street_es_names"]) if values.chance(0.7) else values.full()
    return f"{values.pick(WORDS['street_es'])} {name}{values.pick([', ', ' ', ', nº '])}{number}"


def _italian(values: Values, number: str) -> str:
    name = values.pick(WORDS["street_it_names"]) if values.chance(0.7) else values.full()
    return f"{values.pick(WORDS['street_it'])} {name}{values.pick([', ', ' '])}{number}"


def _polish(values: Values, number: str) -> str:
    return f"{values.pick(WORDS['street_pl'])} {values.pick(WORDS['street_pl_names'])} {number}"


def _hungarian(values: Values, number: str) -> str:
    return f"{values.pick(WORDS['street_hu_names'])} {values.pick(WORDS['street_hu'])} {number}{values.pick(['', '.'])}"


def _czech(values: Values, number: str) -> str:
    return f"{values.pick(WORDS['street_cz'])} {number}"


def _brazilian(values: Values, number: str) -> str:
    head = values.pick(["Rua", "Avenida", "Av.", "Travessa", "Alameda", "Praça", "R."])
    name = values.pick([values.full(), values.last("portuguese"), values.city()])
    return f"{head} {name}{values.pick([', ', ' '])}{number}"


def _coined(values: Values, number: str) -> str:
    """A street in a language that nobody listed: a name, and the number before or after it."""
    name = values.pick([values.last(), values.city(), f"{values.city()} {values.last()}", values.first()])
    return values.pick([f"{number} {name}", f"{name} {number}", f"{name} {number}"])
