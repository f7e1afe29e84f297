"""Personal data: what must be found, what must be left, and what takes its place."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.text.pii import find_pii, mask, take_out
from luthier.text.pii.checksums import passes_luhn, passes_mod_97

REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
PRESIDIO = REAL_DATA / "presidio_pii" / "generated_large.json"

FOUND = {
    "write to Anna.Muster+x@firm-one.co.uk.": "write to <EMAIL_ADDRESS>.",
    "jane [at] firm [dot] com": "<EMAIL_ADDRESS>",
    "an\u200bna@fir\u200bm.de here": "<EMAIL_ADDRESS> here",
    "\u0430nn\u0430@firm.de": "<EMAIL_ADDRESS>",
    "IBAN DE89 3704 0044 0532 0130 00 please": "IBAN <IBAN_CODE> please",
    "gb82west12345698765432": "<IBAN_CODE>",
    "card 4111-1111-1111-1111!": "card <CREDIT_CARD>!",
    "card 4111\u200b111111111111": "card <CREDIT_CARD>",
    "SSN 123-45-6789": "SSN <US_SSN>",
    "my ssn is 123456789": "my ssn is <US_SSN>",
    "from 192.168.10.7 and fe80::1:2": "from <IP_ADDRESS> and <IP_ADDRESS>",
    "see https://x.example/a?b=1.": "see <URL>.",
    "call +44 20 7946 0123.": "call <PHONE_NUMBER>.",
    "tel:+44 20 7946 0123": "tel:<PHONE_NUMBER>",
    "id-4111111111111111": "id-<CREDIT_CARD>",
    "7,4111111111111111,12": "7,<CREDIT_CARD>,12",
    "call 5551234567, please": "call <PHONE_NUMBER>, please",
    "7,+44 20 7946 0123,0": "7,<PHONE_NUMBER>,0",
    "(555) 123-4567 is mine": "<PHONE_NUMBER> is mine",
    "tel 030 1234567": "tel <PHONE_NUMBER>",
    "key sk-live-9f86d081884c7d659a2feaa0c55ad015": "key <SECRET>",
    "AKIAIOSFODNN7EXAMPLE": "<SECRET>",
    "password: hunter2!": "password: <SECRET>",
    "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----": "<SECRET>",
}
LEFT = [
    "on 2026-11-22 at 12:30:11 order 20261122 came to 1,200,000 EUR",
    "card 4111 1111 1111 1112",
    "a call costs 1 000 000,50 and 3,1415926 5",
    "DE89 3704 0044 0532 0130 01",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "/usr/local/lib/python3.11/site-packages/Foo",
    "version 1.2.3.4 of ACC-3486, 22/11/2026",
    "passcode_forgotten and a password reset link",
    "000-12-3456 and 666-12-3456",
]


@pytest.mark.parametrize(("text", "masked"), FOUND.items())
def test_personal_data_is_masked_and_nothing_beside_it(text: str, masked: str) -> None:
    assert mask(text, find_pii(text)) == masked


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_personal_data_is_left(text: str) -> None:
    assert find_pii(text) == ()


def test_hashes_are_equal_for_equal_values_and_need_the_salt() -> None:
    twice = take_out("a@b.de and a@b.de or c@d.de", "hash", "s").text.split(" ")
    assert twice[0] == twice[2] != twice[4]
    assert take_out("a@b.de", "hash", "other").text != twice[0]


def test_made_up_values_belong_to_nobody_and_keep_equal_ones_equal() -> None:
    text = take_out("mail a@b.de, ring +44 20 7946 0123, again a@b.de", "replace", "s").text
    assert "a@b.de" not in text
    assert text.count("@example.com") == 2
    assert "7946" not in text


def test_a_call_stays_json_when_its_numbers_are_masked() -> None:
    cleared = take_out('{"card": 4111111111111111, "mail": "a@b.de", "n": 3}', "mask", "s")
    assert json.loads(cleared.text) == {"card": "<CREDIT_CARD>", "mail": "<EMAIL_ADDRESS>", "n": 3}
    assert cleared.found == {"CREDIT_CARD": 1, "EMAIL_ADDRESS": 1}


def test_where_two_recognisers_overlap_no_tail_stays_behind() -> None:
    assert mask("https://a.example/?to=x@y.de&k=1 end", find_pii("https://a.example/?to=x@y.de&k=1 end")) in {
        "<URL> end",
        "<EMAIL_ADDRESS> end",
    }


@given(st.text(alphabet=st.sampled_from("ab@.1234567890-+ ()\u200b:/x"), max_size=80))
def test_spans_are_ordered_disjoint_and_inside_the_text(text: str) -> None:
    place = 0
    for span in find_pii(text):
        assert place <= span.start < span.end <= len(text)
        place = span.end


def test_check_digits_agree_with_the_standards_own_examples() -> None:
    assert passes_luhn("79927398713")
    assert not any(passes_luhn(f"7992739871{digit}") for digit in "012456789")
    assert passes_mod_97("GB82WEST12345698765432")
    assert not passes_mod_97("GB82WEST12345698765431")


@pytest.mark.skipif(not PRESIDIO.exists(), reason=f"{PRESIDIO} is absent; set LUTHIER_REAL_DATA")
def test_recall_and_precision_per_entity_on_presidio_s_labelled_sentences() -> None:
    names = {"DOMAIN_NAME": "URL"}
    checked = {"EMAIL_ADDRESS", "IBAN_CODE", "CREDIT_CARD", "US_SSN", "IP_ADDRESS", "URL", "PHONE_NUMBER"}
    hit, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    for row in json.loads(PRESIDIO.read_text(encoding="utf-8")):
        labelled = [
            (s["start_position"], s["end_position"], names.get(s["entity_type"], s["entity_type"]))
            for s in row["spans"]
        ]
        spans = find_pii(row["full_text"])
        for start, end, entity in labelled:
            if entity in checked:
                same = any(s.entity == entity and s.start < end and start < s.end for s in spans)
                (hit if same else missed)[entity] += 1
        for span in spans:
            if not any(span.start < end and start < span.end and e == span.entity for start, end, e in labelled):
                wrong[span.entity] += 1
    assert set(hit) == checked
    for entity in checked - {"PHONE_NUMBER"}:
        assert hit[entity] / (hit[entity] + missed[entity]) >= 0.99, entity
    assert hit["PHONE_NUMBER"] / (hit["PHONE_NUMBER"] + missed["PHONE_NUMBER"]) >= 0.85
    assert all(wrong[entity] <= max(1, 0.02 * hit[entity]) for entity in checked)
