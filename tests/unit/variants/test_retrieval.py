"""Documents are cut without loss, and found by the names in a question."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.errors import EmptySample, Forbidden, MissingInput, UserError
from luthier.text.encoding import Encode, Floats
from luthier.variants.config import RetrievalConfig
from luthier.variants.paths import inside
from luthier.variants.retrieval.cutting import cut
from luthier.variants.retrieval.documents import Document, Passage, read_documents
from luthier.variants.retrieval.index import Index
from luthier.variants.retrieval.kept import Recut
from luthier.variants.retrieval.meaning import Encoder

NAMES = ["Acme Traders", "Acme Logistics", "Brix & Söhne GmbH", "Northwind Traders", "Zeta"]
ACCOUNTS = [Passage(id=f"{i}.md#1", title=name, text=f"ACC-{i}, Leeds") for i, name in enumerate(NAMES)]


def words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


@given(st.text(alphabet="ab# \n", max_size=300), st.integers(80, 200))
def test_cutting_loses_no_word_but_headings_and_keeps_to_its_size(text: str, most: int) -> None:
    passages = cut(Document(id="a.md", text=text), chunk_characters=most)
    assert all(len(passage.text) <= most for passage in passages)
    kept = "".join("".join(words(passage.text)) for passage in passages)
    titled = "".join("".join(words(passage.title)) for passage in passages)
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            assert "".join(words(line)) in kept or not line.strip() or "".join(words(line)) in kept + titled


def test_a_passage_stands_under_its_headings() -> None:
    text = "# Acme\n\nACC-1\n\n## Billing\n\nNet 30.\n\n### Dunning\nNever.\n## Delivery\nDock 4."
    assert [(p.id, p.title, p.text) for p in cut(Document(id="acme.md", text=text), chunk_characters=600)] == [
        ("acme.md#1", "Acme", "ACC-1"),
        ("acme.md#2", "Acme - Billing", "Net 30."),
        ("acme.md#3", "Acme - Billing - Dunning", "Never."),
        ("acme.md#4", "Acme - Delivery", "Dock 4."),
    ]


def test_a_document_without_headings_is_titled_by_its_file() -> None:
    assert cut(Document(id="x/price-list_2026.txt", text="All."), chunk_characters=80)[0].title == "price list 2026"


def test_long_paragraphs_are_cut_between_words_and_short_ones_packed() -> None:
    passages = cut(Document(id="a.md", text="one two\n\nthree\n\n" + "word " * 40), chunk_characters=80)
    assert passages[0].text == "one two\nthree"
    assert {each for passage in passages[1:] for each in passage.text.split()} == {"word"}
    assert sum(len(passage.text.split()) for passage in passages[1:]) == 40


def test_documents_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.txt", "a.md", "c.pdf", ".hidden.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [document.id for document in read_documents(tmp_path)] == ["a.md", "a/z.txt", "b.md"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "a.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(Forbidden):
        read_documents(tmp_path / "kb")


def test_what_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="not there"):
        read_documents(tmp_path / "kb")
    with pytest.raises(MissingInput, match=r"no \.md or \.txt"):
        read_documents(tmp_path)
    (tmp_path / "a.md").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match=r"'a.md' is not UTF-8 at byte 3"):
        read_documents(tmp_path)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\x00b"])
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Forbidden):
        inside(tmp_path, name)
    assert inside(tmp_path, "a/../b") == (tmp_path / "b").resolve()


def test_a_name_of_two_words_outweighs_documents_that_share_one() -> None:
    index = Index.build(ACCOUNTS)
    assert index.search("Hello, traders! Northwind Traders wants the offer; acme is out.", 1)[0].title == NAMES[3]
    assert index.search("ACME-LOGISTICS called", 1)[0].title == NAMES[1]
    assert index.search("from: zeta@example.com", 4) == [ACCOUNTS[4]]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_question(text: str) -> None:
    assert len(_INDEX.search(text, 3)) <= 3


@given(st.sampled_from(NAMES), st.sampled_from(['title:"', "+(", "a AND NOT b", "[1 TO 2]", "*?~^", "\\"]))
def test_query_syntax_in_a_question_is_only_text(name: str, syntax: str) -> None:
    assert _INDEX.search(f"{syntax} {name} {syntax}", 1)[0].title == name


_INDEX = Index.build(ACCOUNTS)


def test_a_question_that_shares_no_word_finds_nothing() -> None:
    assert _INDEX.search("¿?", 4) == _INDEX.search("completely unrelated", 4) == []


def test_the_digest_changes_with_passages_and_with_cutting_only(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\n" + "word " * 100)
    config = RetrievalConfig(documents="kb")
    first = Index.of_folder(tmp_path, config).digest
    assert Index.of_folder(tmp_path, config.model_copy(update={"top_k": 9})).digest == first
    assert Index.of_folder(tmp_path, RetrievalConfig(documents="kb", chunk_characters=100)).digest != first
    (tmp_path / "a.md").write_text("# A\n\nother")
    assert Index.of_folder(tmp_path, config).digest != first


def test_ties_keep_the_order_of_the_passages() -> None:
    twins = [Passage(id=str(i), title="", text="same words") for i in range(50)]
    assert [each.id for each in Index.build(twins).search("same words", 5)] == ["0", "1", "2", "3", "4"]


def test_an_index_of_nothing_is_refused() -> None:
    with pytest.raises(EmptySample):
        Index.build([])


def test_a_question_in_other_words_finds_its_passage_by_meaning_alone() -> None:
    passages = [
        Passage(id="1", title="", text="You get your money back when a purchase was a mistake."),
        Passage(id="2", title="", text="The office is closed on Sundays and holidays."),
        Passage(id="3", title="", text="Parcels are carried by a van on weekdays."),
    ]
    question = "refund reimbursement"
    assert Index(passages).search(question, 1) == []
    assert Index(passages, search="meaning").search(question, 1)[0].id == "1"
    found = Index(passages, search="hybrid").find(question, 1)[0]
    assert (found.passage.id, found.by_words, found.by_meaning) == ("1", None, 1)


def test_the_digest_changes_with_the_way_of_searching() -> None:
    ways = [
        Index(ACCOUNTS, search="words"),
        Index(ACCOUNTS, search="meaning"),
        Index(ACCOUNTS, search="hybrid"),
        Index(ACCOUNTS, search="hybrid", meaning_weight=0.5),
        Index(ACCOUNTS, search="hybrid", fusion="ranks"),
    ]
    assert len({index.digest for index in ways}) == 5


def test_a_name_that_words_find_is_not_talked_away_by_meaning() -> None:
    index = Index(ACCOUNTS, search="hybrid")
    chat = "Hello team, please set up a visit with the buyer next Monday; they want lower prices and a new contract."
    for account in ACCOUNTS:
        assert index.search(f"{chat} It is for {account.title}.", 1) == [account]


def test_an_index_that_was_kept_says_the_same_as_one_built_afresh(tmp_path: Path) -> None:
    kb, kept, config = tmp_path / "kb", tmp_path / "kept" / "passages.arrow", RetrievalConfig(documents="kb")
    kb.mkdir()
    for name, text in (("a.md", "# Prices\n\nBolts cost 4."), ("b.md", "Nuts.\n\n" * 200), ("c.md", "Gone soon.")):
        (kb / name).write_text(text)
    first = Index.of_folder(kb, config, kept=kept).recut
    assert first == Recut(documents=3, cut=3, kept=0, gone=0)
    (kb / "a.md").write_text("# Prices\n\nBolts cost 5.")
    (kb / "c.md").unlink()
    again, fresh = Index.of_folder(kb, config, kept=kept), Index.of_folder(kb, config)
    assert again.recut == Recut(documents=2, cut=1, kept=1, gone=2)  # the old a.md and c.md
    assert again.digest == fresh.digest
    assert again.find("what do bolts cost", 3) == fresh.find("what do bolts cost", 3)
    assert "Gone soon" not in str(kept.read_bytes())


def test_what_was_kept_of_another_size_or_is_broken_is_cut_again(tmp_path: Path) -> None:
    kb, kept = tmp_path / "kb", tmp_path / "passages.arrow"
    kb.mkdir()
    (kb / "a.md").write_text("word " * 100)
    Index.of_folder(kb, RetrievalConfig(documents="kb"), kept=kept)
    small = Index.of_folder(kb, RetrievalConfig(documents="kb", chunk_characters=100), kept=kept)
    assert small.recut == Recut(documents=1, cut=1, kept=0, gone=0)
    assert all(len(passage.text) <= 100 for passage in small.passages)
    kept.write_bytes(b"nonsense")
    broken = Index.of_folder(kb, RetrievalConfig(documents="kb", chunk_characters=100), kept=kept)
    assert (broken.recut, broken.digest) == (small.recut, small.digest)


def test_an_encoder_reads_passages_and_questions_and_only_passages_are_remembered() -> None:
    heard: dict[str, list[str]] = {"passages": [], "questions": []}

    def role(name: str) -> Encode:
        def encode(texts: Sequence[str]) -> Floats:
            heard[name] += texts
            return np.array([[1.0, 0.0] if "cat" in text else [0.0, 1.0] for text in texts], dtype=np.float32)

        return encode

    passages = [Passage(id="1", title="", text="a cat"), Passage(id="2", title="", text="a dog")]
    encoder = Encoder(passages=role("passages"), questions=role("questions"), name="made up")
    assert Index(passages, search="meaning", encoder=encoder).search("which cat?", 1)[0].id == "1"
    assert heard == {"passages": ["\na cat", "\na dog"], "questions": ["which cat?"]}


def test_a_rare_pair_of_common_words_does_not_outweigh_what_is_asked() -> None:
    passages = [
        Passage(id="1", title="", text="A refund is paid within a week, and that is what the rules of the shop say."),
        Passage(
            id="2", title="", text="How do I look? That is a question of taste and not of the law, as we all know."
        ),
        Passage(id="3", title="", text="The shop is open on all days but one, and it is not far from the station."),
    ]
    assert Index(passages).search("how do i get a refund", 1)[0].id == "1"
    assert Index(passages).search("how do i", 1)[0].id == "2"  # nothing else is asked for
