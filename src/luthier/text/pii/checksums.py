"""Check digits: what separates an account number from any other run of digits."""

import hashlib
from collections.abc import Sequence
from operator import mul

_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_LATIN_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def iban_length(country: str) -> int | None:
    """Characters in an IBAN of `country` (two capitals), or None for a country without IBANs.

    Source: SWIFT IBAN Registry, release 99 (ISO 13616).
    """
    return _IBAN_LENGTHS.get(country)


def passes_mod_97(iban: str) -> bool:
    """Whether a compact, upper-case IBAN has the right check digits. Source: ISO 7064, MOD 97-10."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def passes_luhn(digits: str) -> bool:
    """Whether a run of digits has the right last one. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of the digits, each times its weight; as many digits as weights count."""
    return sum(map(mul, map(int, digits), weights))


def passes_nhs(digits: str) -> bool:
    """Whether ten digits are an NHS number. Source: NHS Data Model and Dictionary, NHS NUMBER, modulus 11."""
    return weighted(digits, range(10, 0, -1)) % 11 == 0


def passes_dea(number: str) -> bool:
    """Whether two letters and seven digits have the check digit of a DEA registration."""
    digits = number[-7:]
    return (weighted(digits, (1, 2, 1, 2, 1, 2))) % 10 == int(digits[6])


def passes_npi(digits: str) -> bool:
    """Whether ten digits are a US National Provider Identifier: Luhn with the issuer's prefix 80840."""
    return digits[0] in "12" and passes_luhn("80840" + digits)


def passes_aba(digits: str) -> bool:
    """Whether nine digits are a routing number of a US bank."""
    return int(digits[:2]) in _ABA_DISTRICTS and weighted(digits, (3, 7, 1) * 3) % 10 == 0


def passes_sin(digits: str) -> bool:
    """Whether nine digits are a Canadian social insurance number."""
    return digits[0] not in "08" and passes_luhn(digits)


def passes_abn(digits: str) -> bool:
    """Whether eleven digits are an Australian business number."""
    first = str(int(digits[0]) - 1)
    return digits[0] != "0" and weighted(first + digits[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def passes_acn(digits: str) -> bool:
    """Whether nine digits are an Australian company number."""
    return (10 - weighted(digits, range(8, 0, -1)) % 10) % 10 == int(digits[8])


def passes_tfn(digits: str) -> bool:
    """Whether nine digits are an Australian tax file number."""
    return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def passes_medicare(digits: str) -> bool:
    """Whether ten digits are an Australian Medicare number."""
    return digits[0] in "23456" and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])


def passes_verhoeff(digits: str) -> bool:
    """Whether the last digit is right in Verhoeff's scheme, which India's Aadhaar uses."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        moved = int(digit)
        for _ in range(place % 8):
            moved = _VERHOEFF_TURN[moved]
        check = _dihedral(check, moved)
    return check == 0


def passes_nif(number: str) -> bool:
    """Whether a Spanish NIF or NIE has the right letter."""
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


def passes_fin(number: str) -> bool:
    """Whether a Singaporean NRIC or FIN has the right letter."""
    total = weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(number[0], 0)
    if number[0] in "ST":
        return "JZIHGFEDCBA"[total % 11] == number[-1]
    return ("XWUTRQPNMLK" if number[0] in "FG" else "XWUTRQPNJLK")[total % 11] == number[-1]


def passes_fiscal_code(number: str) -> bool:
    """Whether an Italian fiscal code has the right last letter. Source: D.M. 23 December 1976."""
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    ranks = [int(char) if char.isdigit() else _LATIN_LETTERS.index(char) for char in number[:15]]
    total = sum(odd[rank] if place % 2 == 0 else rank for place, rank in enumerate(ranks))
    return _LATIN_LETTERS[total % 26] == number[15]


def passes_pesel(digits: str) -> bool:
    """Whether eleven digits are a Polish PESEL."""
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and 1 <= int(digits[2:4]) % 20 <= 12


def passes_finnish(number: str) -> bool:
    """Whether a Finnish personal identity code (ddmmyy, sign, nnn, check) is right."""
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number[:6] + number[7:10]) % 31] == number[10].upper()


def passes_rrn(digits: str) -> bool:
    """Whether thirteen digits are a Korean resident registration number of before October 2020."""
    return (11 - weighted(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(digits[12])


def passes_swedish(digits: str) -> bool:
    """Whether ten or twelve digits are a Swedish personal number."""
    return 1 <= int(digits[-8:-6]) <= 12 and passes_luhn(digits[-10:])


def passes_german_tax_id(digits: str) -> bool:
    """Whether eleven digits are a German tax id. Source: ISO 7064, MOD 11,10."""
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return digits[0] != "0" and (11 - product) % 10 == int(digits[10])


def passes_bsn(digits: str) -> bool:
    """Whether nine digits are a Dutch citizen service number."""
    return int(digits) > 0 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def passes_cpf(digits: str) -> bool:
    """Whether eleven digits are a Brazilian CPF."""
    if len(set(digits)) == 1:
        return False
    checks = (weighted(digits, range(size + 1, 1, -1)) * 10 % 11 % 10 for size in (9, 10))
    return all(check == int(digit) for check, digit in zip(checks, digits[9:], strict=True))


def passes_nir(number: str) -> bool:
    """Whether fifteen digits are a French social security number."""
    return (97 - int(number[:13].replace("2A", "19").replace("2B", "18")) % 97) == int(number[13:])


def passes_turkish(digits: str) -> bool:
    """Whether eleven digits are a Turkish identity number."""
    odd, even = sum(map(int, digits[0:9:2])), sum(map(int, digits[1:8:2]))
    tenth = (odd * 7 - even) % 10
    return digits[0] != "0" and tenth == int(digits[9]) and sum(map(int, digits[:10])) % 10 == int(digits[10])


def passes_thai(digits: str) -> bool:
    """Whether thirteen digits are a Thai identity number."""
    return (11 - weighted(digits, range(13, 1, -1)) % 11) % 10 == int(digits[12])


def passes_base58(address: str) -> bool:
    """Whether a Bitcoin address of the old kind has the right checksum."""
    number = 0
    for char in address:
        number = number * 58 + _BASE58.index(char)
    if number.bit_length() > 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def passes_bech32(address: str) -> bool:
    """Whether a `bc1` address has the right checksum. Source: BIP 173 and BIP 350."""
    low = address.lower()
    prefix, data = low[: low.rindex("1")], low[low.rindex("1") + 1 :]
    ranks = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    check = 1
    for rank in ranks + [_BECH32.index(char) for char in data]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ rank
        for bit, poly in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= poly if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)


def _dihedral(a: int, b: int) -> int:
    """The product in the dihedral group of the pentagon, elements numbered 0 to 9."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


_VERHOEFF_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_ABA_DISTRICTS = {*range(13), *range(21, 33), *range(61, 73), 80}
