"""Numbers that states and banks give: right ones are found, with one digit changed they are not."""

import pytest

from luthier.text.pii import find_pii, pii_recognisers

RIGHT = {
    "UK_NHS": "NHS 943 476 5919",
    "UK_NINO": "NI number AB 12 34 56 C",
    "IN_PAN": "PAN ABCPE1234F",
    "IN_AADHAAR": "aadhaar 2345 6789 0124",
    "SG_NRIC_FIN": "S1234567D",
    "ES_NIF": "12345678Z",
    "ES_NIE": "X1234567L",
    "IT_FISCAL_CODE": "RSSMRA85T10A562S",
    "FI_PERSONAL_IDENTITY_CODE": "131052-308T",
    "BR_CPF": "529.982.247-25",
    "AU_ABN": "ABN 51 824 753 556",
    "AU_TFN": "tax file 123 456 782",
    "CA_SIN": "SIN 130 692 544",
    "NL_BSN": "bsn 111222333",
    "PL_PESEL": "pesel 44051401359",
    "SE_PERSONNUMMER": "811218-9876",
    "DE_TAX_ID": "Steuer-ID 86095742719",
    "TR_IDENTITY_NUMBER": "TC kimlik 10000000146",
    "FR_NIR": "2 55 08 14 168 025 38",
    "US_NPI": "NPI 1234567893",
    "ABA_ROUTING_NUMBER": "routing 111000025",
    "MEDICAL_LICENSE": "DEA AB1234563",
    "CRYPTO": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
}
"""Examples that the issuers publish, and ones worked out by hand from their rules."""


@pytest.mark.parametrize(("entity", "text"), RIGHT.items())
def test_a_right_number_is_found_under_its_name(entity: str, text: str) -> None:
    assert entity in {span.entity for span in find_pii(text, least=0.05)}
    assert find_pii(text), "it counts at the usual score"


@pytest.mark.parametrize("entity", [name for name in RIGHT if name not in {"UK_NINO", "IN_PAN"}])
def test_with_its_last_sign_changed_it_is_another_number(entity: str) -> None:
    text = RIGHT[entity]
    other = {"9": "8", "L": "M", "Z": "A", "S": "T", "T": "U", "D": "E"}.get(text[-1], "9")
    assert entity not in {span.entity for span in find_pii(text[:-1] + other, least=0.05)}


WEAK = {
    "US_BANK_NUMBER": ("{} 12345678901", "account number"),
    "US_PASSPORT": ("{} C03005988", "passport"),
    "US_DRIVER_LICENSE": ("{} D1234567", "driver's license"),
    "UUID": ("{} 123e4567-e89b-12d3-a456-426614174000", "device"),
    "DATE_TIME": ("{} 1980-03-04", "born on"),
    "US_SSN": ("{} 123456789", "social security"),
    "UK_NHS": ("{} 9434765919", "nhs number"),
}


@pytest.mark.parametrize(("entity", "case"), WEAK.items())
def test_a_weak_number_counts_only_after_the_word_that_says_what_it_is(entity: str, case: tuple[str, str]) -> None:
    form, word = case
    assert entity in {span.entity for span in find_pii(form.format(word))}
    assert entity not in {span.entity for span in find_pii(form.format("order"))}
    assert list(pii_recognisers.get(entity)(form.format("order"))), "below the score that counts, it is still seen"


@pytest.mark.parametrize(("entity", "case"), WEAK.items())
def test_whoever_asks_for_it_gets_it_without_the_word(entity: str, case: tuple[str, str]) -> None:
    assert entity in {span.entity for span in find_pii(case[0].format("order"), alone=(entity,))}
