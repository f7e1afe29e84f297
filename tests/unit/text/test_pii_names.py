"""The taggers: the one of our own, and a model of Hugging Face read from a folder."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import MissingInput
from luthier.text.pii import find_pii, mask, take_out
from luthier.text.pii.ner import names_of
from luthier.text.pii.ner.features import TAGS, stretches
from luthier.text.pii.ner.tagger import best_tags, bundled

PLACES = {"LOCATION", "STREET_ADDRESS"}
SENTENCES = [
    "Dear Mr. Johnson, my name is Emily Carter and I live in Chicago.",
    "Please send the invoice to Maria Fernandez before Friday.",
    "",
    "the battery is empty again",
]


def test_names_and_places_are_found_and_plain_words_are_left() -> None:
    found = bundled().find(SENTENCES)
    named = [{SENTENCES[n][one.start : one.end] for one in spans} for n, spans in enumerate(found)]
    assert {"Johnson", "Emily Carter", "Chicago"} <= named[0]
    assert "Maria Fernandez" in named[1]
    assert named[2:] == [set(), set()]


def test_a_text_is_tagged_alike_alone_and_among_others() -> None:
    tagger = bundled()
    together = tagger.find(SENTENCES)
    for text, spans in zip(SENTENCES, together, strict=True):
        assert [one[:3] for one in tagger.find([text])[0]] == [one[:3] for one in spans]


def test_names_hidden_by_invisible_characters_are_masked_whole() -> None:
    text = "My name is Emi\u200bly Carter."
    assert mask(text, find_pii(text, names=bundled())) == "My name is <PERSON>."


def test_names_stay_where_no_tagger_is_asked() -> None:
    assert take_out("My name is Emily Carter.", "mask", "s").text == "My name is Emily Carter."


@given(st.text(max_size=400))
def test_tokens_lie_in_the_text_in_order(text: str) -> None:
    place = 0
    for stretch in stretches(text):
        for word, (start, end) in zip(stretch.words, stretch.places, strict=True):
            assert place <= start
            assert text[start:end] == word
            place = end


@given(st.lists(st.lists(st.floats(-9, 0), min_size=len(TAGS), max_size=len(TAGS)), min_size=1, max_size=8))
def test_the_best_row_of_tags_never_goes_on_with_a_name_that_did_not_begin(rows: list[list[float]]) -> None:
    tags = [0, *best_tags(np.array(rows, dtype=np.float32)).tolist()]
    for before, tag in pairwise(tags):
        assert tag % 2 == 1 or tag == 0 or before in (tag - 1, tag)


def test_searching_names_loads_no_torch() -> None:
    code = (
        "import sys; from luthier.text.pii.ner.tagger import bundled; bundled().find(['I am Anna']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"data\.pii\.ner"):
        names_of(str(tmp_path))


def test_a_model_of_hugging_face_is_read_from_its_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "anna", "lives", "in", "rome"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    labels = {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC"}
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=32, id2label=labels, label2id={name: n for n, name in labels.items()},
    )  # fmt: skip
    model = transformers.BertForTokenClassification(config)
    model.classifier.weight.data.zero_()
    model.classifier.bias.data[1] = 9.0
    model.save_pretrained(tmp_path)
    text = "anna lives " * 40
    (found,) = names_of(str(tmp_path)).find([text])
    assert {one.entity for one in found} == {"PERSON"}
    assert found[0].start == 0
    assert found[-1].end >= len(text) - 2, "a long text is read to its end, window by window"


def test_line_ends_that_json_spells_out_separate_words() -> None:
    (stretch,) = stretches("Anna\\nBerlin\\\\tx")
    assert stretch.words == ["Anna", "Berlin", "\\", "x"]
    assert [gap % 3 for gap in stretch.gaps] == [0, 2, 0, 2]


def test_no_name_begins_or_ends_with_a_sign_that_no_name_holds() -> None:
    texts = [
        "-Emily Carter,",
        "(Emily Carter)",
        '"Maria Fernandez"?',
        "*Chicago*: Emily Carter!",
        "> Emily Carter wrote",
    ]
    found = [(text, one) for text, spans in zip(texts, bundled().find(texts), strict=True) for one in spans]
    assert len(found) >= len(texts)
    for text, one in found:
        assert text[one.start].isalnum()
        assert text[one.end - 1].isalnum()


@pytest.mark.parametrize("text", ["Where is islet 764294?", "order 764294 is late", "764294"])
def test_a_number_alone_is_no_place(text: str) -> None:
    assert [text[one.start : one.end] for one in bundled().find([text])[0] if one.entity in PLACES] == []


@pytest.mark.parametrize(
    "text", ["My zip code is 94103.", "I live in Chicago 60601 now", "12 Oak Street, Chicago, 60601"]
)
def test_a_number_that_a_word_or_a_place_beside_it_makes_a_postcode_is_found(text: str) -> None:
    digits = text.rstrip("now. ")[-5:]
    spans = [(one.start, one.end) for one in bundled().find([text])[0] if one.entity in PLACES]
    assert any(start <= text.index(digits) < end for start, end in spans)
