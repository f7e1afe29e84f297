"""Sentences with one number each, its check digit right, half of them with a word before that says what it is."""

import hashlib
import string
from collections.abc import Callable
from random import Random

from benchmarks.pii_scores import Labelled

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def sentences_with_numbers(random: Random, count: int) -> list[Labelled]:
    """`count` sentences for each type that Presidio finds by patterns in English."""
    rows = []
    for entity, (make, word) in KINDS.items():
        for n in range(count):
            before = (
                f"Please note, the {word} is "
                if n % 2
                else random.choice(["Here it is: ", "I wrote ", "Use ", "We got "])
            )
            value = make(random)
            rows.append(Labelled(f"{before}{value} today.", [(len(before), len(before) + len(value), entity)]))
    return rows


def _digits(random: Random, count: int, first: str = string.digits) -> str:
    return random.choice(first) + "".join(random.choices(string.digits, k=count - 1))


def _until(make: Callable[[], str], right: Callable[[str], bool]) -> str:
    while not right(value := make()):
        pass
    return value


def _luhn(digits: str) -> bool:
    return sum(sum(divmod(int(d) * (1 + n % 2), 10)) for n, d in enumerate(reversed(digits))) % 10 == 0


def _card(random: Random) -> str:
    digits = _until(lambda: random.choice(["4", "51", "6011", "34"]).ljust(1) + _digits(random, 12), lambda _: True)
    digits = {"4": digits[:15], "5": digits[:15], "6": digits[:15], "3": digits[:14]}[digits[0]].ljust(14, "7")
    size = 14 if digits[0] == "3" else 15
    digits = next(d for n in range(10) if _luhn(d := digits[:size].ljust(size, "3") + str(n)))
    return digits if random.random() < 0.5 or size == 14 else " ".join(digits[n : n + 4] for n in range(0, 16, 4))


def _iban(random: Random) -> str:
    country, size = random.choice([("DE", 18), ("BE", 12), ("AT", 16), ("CH", 17), ("ES", 20)])
    body = _digits(random, size)
    check = 98 - int(body + "".join(str(int(c, 36)) for c in country) + "00") % 97
    whole = f"{country}{check:02d}{body}"
    return whole if random.random() < 0.5 else " ".join(whole[n : n + 4] for n in range(0, len(whole), 4))


def _nhs(random: Random) -> str:
    right = _until(
        lambda: _digits(random, 10, "4679"), lambda d: sum(int(c) * (10 - n) for n, c in enumerate(d)) % 11 == 0
    )
    return random.choice([right, f"{right[:3]} {right[3:6]} {right[6:]}"])


def _dea(random: Random) -> str:
    body = _digits(random, 6)
    check = (int(body[0]) + int(body[2]) + int(body[4]) + 2 * (int(body[1]) + int(body[3]) + int(body[5]))) % 10
    return random.choice("ABFGM") + random.choice(string.ascii_uppercase) + body + str(check)


def _bitcoin(random: Random) -> str:
    raw = bytes([0, *random.randbytes(20)])
    number = int.from_bytes(raw + hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4], "big")
    text = ""
    while number:
        number, rest = divmod(number, 58)
        text = _BASE58[rest] + text
    return "1" + text


def _ssn(random: Random) -> str:
    sign = random.choice(["-", "-", " "])
    return f"{random.randint(100, 665)}{sign}{random.randint(10, 99)}{sign}{random.randint(1000, 9999)}"


def _phone(random: Random) -> str:
    area, middle, last = random.randint(201, 989), random.randint(200, 999), random.randint(1000, 9999)
    forms = ["({}) {}-{}", "{}-{}-{}", "+1 {} {} {}", "{}.{}.{}", "+1-{}-{}-{}"]
    foreign = [
        f"+44 20 7{_digits(random, 3)} {_digits(random, 4)}",
        f"+49 30 {_digits(random, 7)}",
        f"+33 1 {_digits(random, 2)} 45 67 89",
    ]
    return random.choice([*(form.format(area, middle, last) for form in forms), *foreign])


def _date(random: Random) -> str:
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(1940, 2010)
    return random.choice(
        [f"{month}/{day}/{year}", f"{year}-{month:02d}-{day:02d}", f"{day}.{month}.{year}", f"{day}-MAY-{year}"]
    )


def _hex(random: Random, count: int) -> str:
    return "".join(random.choices("0123456789abcdef", k=count))


def _ip4(random: Random) -> str:
    return ".".join(str(random.randint(1, 254)) for _ in range(4))


def _word(random: Random) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=random.randint(4, 9)))


_SITES = ("https://www.{}.com/{}", "http://{}.org/{}", "www.{}.net/{}", "{}.com/{}")
KINDS: dict[str, tuple[Callable[[Random], str], str]] = {
    "CREDIT_CARD": (_card, "credit card"),
    "IBAN_CODE": (_iban, "iban"),
    "US_SSN": (_ssn, "social security number"),
    "EMAIL_ADDRESS": (lambda r: f"{_word(r)}.{_word(r)}@{_word(r)}.{r.choice(['com', 'org', 'co.uk', 'de'])}", "email"),
    "URL": (lambda r: r.choice(_SITES).format(_word(r), _word(r)), "website"),
    "IP_ADDRESS": (lambda r: r.choice([_ip4(r), ":".join(_hex(r, 4) for _ in range(8))]), "ip"),
    "PHONE_NUMBER": (_phone, "phone number"),
    "CRYPTO": (_bitcoin, "bitcoin wallet"),
    "MEDICAL_LICENSE": (_dea, "DEA certificate"),
    "UK_NHS": (_nhs, "nhs number"),
    "MAC_ADDRESS": (lambda r: r.choice([":", "-"]).join(_hex(r, 2) for _ in range(6)).replace("-", ":"), "mac address"),
    "UUID": (lambda r: "-".join(_hex(r, n) for n in (8, 4, 4, 4, 12)), "user identifier"),
    "US_ITIN": (lambda r: f"9{_digits(r, 2)}-{r.randint(70, 88)}-{_digits(r, 4)}", "taxpayer itin"),
    "US_PASSPORT": (lambda r: r.choice([_digits(r, 9), "C" + _digits(r, 8)]), "passport"),
    "US_BANK_NUMBER": (lambda r: _digits(r, r.randint(8, 17)), "bank account"),
    "US_DRIVER_LICENSE": (lambda r: r.choice("AS") + _digits(r, r.choice([7, 12])), "driver license"),
    "DATE_TIME": (_date, "birthday"),
}  # fmt: skip
