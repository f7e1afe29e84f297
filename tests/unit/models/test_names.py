"""The sentences that the tagger learns from: labelled where they say, alike for one seed, and built alike twice."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from models.ner.derive import Derived
from models.ner.generate import sentences

DERIVED = Derived(
    surnames=("Ashgrove", "Quillon"),
    companies=("Quillon Freight Ltd",),
    clauses=("the door was open.", "he came to the town with my brother.", "can you help me with this?"),
    common=frozenset({"the", "with"}),
)
BUILD = """
import hashlib, sys
from pathlib import Path
import torch
from models.ner.generate import sentences
from models.ner.train import cases, export, listed, train, vocabulary
from tests.unit.models.test_names import DERIVED
torch.set_num_threads(1)
lists = listed([["Anna", "Bert"], ["Quillon"], ["The Hague"], ["France"]], DERIVED.common)
known = vocabulary(list(cases(sentences(1, DERIVED), 50)))
network = train(sentences(2, DERIVED), known, lists, total=32, batch=16, seed=1)
export(network, known, lists, Path(sys.argv[1]))
"""


def test_every_span_holds_what_its_text_shows_there() -> None:
    rows = list(islice(sentences(7, DERIVED), 300))
    assert {label for _, spans in rows for *_, label in spans} == {
        "PERSON", "LOCATION", "STREET_ADDRESS", "ORGANIZATION", "TITLE", "NRP", "AGE",
    }  # fmt: skip
    for text, spans in rows:
        place = 0
        for start, end, _ in spans:
            assert place <= start < end <= len(text)
            assert text[start:end].strip()
            place = end


def test_one_seed_gives_the_same_sentences_and_another_one_others() -> None:
    first = list(islice(sentences(7, DERIVED), 20))
    assert list(islice(sentences(7, DERIVED), 20)) == first
    assert list(islice(sentences(8, DERIVED), 20)) != first


@pytest.mark.slow
def test_two_trainings_under_different_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        paths = os.pathsep.join([str(Path(__file__).parents[3]), str(Path(__file__).parents[3] / "src")])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        subprocess.run([sys.executable, "-c", BUILD, str(tmp_path / seed)], check=True, env=environment)
    (one, other) = sorted(tmp_path.iterdir())
    assert one.read_bytes() == other.read_bytes()
