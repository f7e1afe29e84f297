"""The prefilter rules out nothing that is there, and no text takes for ever."""

import json
import signal
import subprocess
import sys

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luthier.text.pii import find_pii
from luthier.text.pii.batch import find_pii_batch
from tests.unit.text.test_pii import FOUND, LEFT
from tests.unit.text.test_pii_identifiers import RIGHT, WEAK

PIECES = [
    *FOUND, *LEFT, *RIGHT.values(), "born ", "f\u00f8dt 3/80", "\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    "tel ", "@", ".com", "\u200b",
    "bc1", "+44 20 ", "0x52908400098527886E0F7030069857D2E4169EE7", "00:1B:44:11:3A:B7",
    "ap\u0131 key: ab12cd!", " ", "\n", "www.",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=5).map("".join)


@settings(deadline=None, max_examples=60)
@given(st.lists(texts, max_size=6))
@example(["", "a@b.de"])
def test_many_texts_at_once_hold_what_each_holds_alone(many: list[str]) -> None:
    assert find_pii_batch(many) == [find_pii(text) for text in many]


@settings(deadline=None, max_examples=30)
@given(st.lists(texts, max_size=6), st.sets(st.sampled_from(sorted(WEAK))))
def test_what_counts_alone_is_found_alike_in_many_texts(many: list[str], alone: set[str]) -> None:
    assert find_pii_batch(many, alone=alone) == [find_pii(text, alone=alone) for text in many]


def test_an_arrow_column_is_read_as_a_list_is() -> None:
    column = pa.array(list(FOUND), type=pa.string())
    assert find_pii_batch(column) == [find_pii(text) for text in FOUND]


EVIL = [
    "a", "1", "a.", "1.", "1 ", "1-", "@", "a@", "a@a.", "'a", "[at]", "a [at] ", ":", "f:", "www.", "http://",
    "DE89 ", "4 ",
    "eyJ-", "eyJa.", "-----BEGIN PRIVATE KEY-----", "password ",
    "token:\u00a0", "key=", "ab-", "(1)", "+1 ", ".com", "a.com/",
    "Jan 1 ",
    "1/1/", "\u200b1", "\u0430", "AB12", "0x", "sk-", "a/", "_",
]  # fmt: skip


PROBE = """
import json, signal, sys
from luthier.text.pii import pii_recognisers
pieces, names, seconds = json.load(sys.stdin)
for piece in pieces:
    text = (piece * 100_000)[:100_000]
    for name in names or pii_recognisers:
        print(f"{name} on {piece!r}", flush=True)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        for _ in pii_recognisers.get(name)(text):
            pass
"""
"""Runs each recogniser on 100,000 characters; ended by the system where one takes so many seconds of the processor."""


def probe(pieces: list[str], code: str, seconds: float, names: tuple[str, ...] = ()) -> tuple[int, str]:
    """How the probe ended, and what it tried last."""
    asked = json.dumps([pieces, names, seconds])
    ended = subprocess.run([sys.executable, "-c", code], input=asked, capture_output=True, text=True, check=False)
    return ended.returncode, (ended.stdout.splitlines() or [ended.stderr])[-1]


def test_no_recogniser_needs_more_than_in_proportion_to_the_length() -> None:
    """In proportion they need some hundredths of a second; one that looks back over the whole text needs minutes."""
    code, last = probe(EVIL, PROBE, seconds=15)
    assert code == 0, f"{last} was ended"
    assert last.endswith(repr(EVIL[-1]))


def test_the_probe_ends_a_pattern_that_tries_every_way() -> None:
    bad = "import re; from luthier.text.pii import pii_recognisers as known\n"
    bad += "known.add('SLOW')(lambda text: re.finditer(r'(?:a|a)*!', text))\n"
    assert probe(["a"], bad + PROBE, 0.5, names=("SLOW",)) == (-signal.SIGPROF, "SLOW on 'a'")
