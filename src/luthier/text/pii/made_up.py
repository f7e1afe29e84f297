"""Made-up values in ranges that are reserved or never issued, so that none belongs to anybody."""

from collections.abc import Callable, Mapping

_GIVEN = (
    "Alex",
    "Robin",
    "Kim",
    "Sam",
    "Jamie",
    "Toni",
    "Chris",
    "Pat",
    "Jo",
    "Max",
    "Lou",
    "Charlie",
    "Noa",
    "Sascha",
)
_FAMILY = (
    "Sample",
    "Specimen",
    "Placeholder",
    "Muster",
    "Exempel",
    "Ejemplo",
    "Esempio",
    "Modell",
    "Testberg",
    "Nobody",
)
_TOWNS = ("Sampleton", "Exampleby", "Musterstadt", "Testville", "Placeholm", "Ejemplar", "Modelbury", "Nowhereford")


def made_up(entity: str, digest: str) -> str | None:
    """A value of the kind `entity` that `digest` (hex digits) fixes; None for a kind that has no safe range."""
    make = _MADE_UP.get(entity)
    return make(digest, int(digest, 16)) if make else None


_MADE_UP: Mapping[str, Callable[[str, int], str]] = {
    "EMAIL_ADDRESS": lambda digest, _: f"person.{digest}@example.com",
    "URL": lambda digest, _: f"https://example.com/{digest}",
    "PHONE_NUMBER": lambda _, number: f"+1 555 {number % 1_000:03d} {number // 1_000 % 10_000:04d}",
    "IP_ADDRESS": lambda _, number: f"2001:db8::{number % 65_536:x}:{number // 65_536 % 65_536:x}",
    "CREDIT_CARD": lambda _, number: f"0000 0000 {number % 10_000:04d} {number // 10_000 % 10_000:04d}",
    "US_SSN": lambda _, number: f"000-{number % 100:02d}-{number // 100 % 10_000:04d}",
    "IBAN_CODE": lambda digest, _: f"XX00 {digest[:4]} {digest[4:8]} {digest[8:]}".upper(),
    "PERSON": lambda _, number: f"{_GIVEN[number % 14]} {_FAMILY[number // 14 % 10]}-{number // 140 % 10_000:04d}",
    "LOCATION": lambda _, number: f"{_TOWNS[number % 8]}-{number // 8 % 10_000:04d}",
    "STREET_ADDRESS": lambda _, number: f"{number % 10_000} Example Street, {_TOWNS[number // 10_000 % 8]}",
    "ORGANIZATION": lambda digest, _: f"Example Company {digest[:6].upper()}",
}
