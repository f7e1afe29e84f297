"""Paraphrases stand out from their neighbours; rows of one template do not."""

from random import Random

from luthier.text.similarity import standouts, tf_idf

NAMES = ["Alder", "Birch", "Cedar", "Dover", "Ember", "Fairway", "Granite", "Harbour", "Ivory", "Juniper"]
TRADES = ["Foods", "Glass", "Paper", "Tools", "Motors", "Hotels", "Farms", "Labs", "Travel", "Schools"]
FIRMS = [f"{name} {trade}" for name in NAMES for trade in TRADES]


def mails(rng: Random) -> tuple[list[str], list[str]]:
    texts = [f"Please open a case for {firm}: their order number {rng.randrange(10**5)} is late." for firm in FIRMS]
    return texts, [f"late {firm}" for firm in FIRMS]


def test_another_wording_with_the_same_answer_stands_out_and_the_template_does_not() -> None:
    texts, answers = mails(Random(1))
    texts.append("Alder Foods complain that we have not brought what they ordered")
    answers.append("late Alder Foods")
    found = standouts(tf_idf(texts), answers, probes=range(20), pool=range(20, len(texts)), threshold=0.35)
    assert [(pair.probe, pair.row) for pair in found] == [(0, 100)]


def test_nothing_is_searched_where_there_is_nothing_to_search() -> None:
    texts, answers = mails(Random(2))
    assert standouts(tf_idf(texts), answers, probes=[], pool=range(5), threshold=0.3) == []
    assert standouts(tf_idf(texts), answers, probes=range(5), pool=[], threshold=0.3) == []
