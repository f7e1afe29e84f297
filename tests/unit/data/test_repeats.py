"""Near repeats among columns: crowds, answers and clusters."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from luthier.data.config import LeakageConfig
from luthier.data.executors.executor import Here
from luthier.data.plan.bodies import batch_of
from luthier.data.plan.features import schema, with_features
from luthier.data.plan.judging import Judges
from luthier.data.plan.leaks import Lookout
from luthier.data.plan.repeats import (
    close_questions,
    cluster_heads,
    cluster_sizes,
    exact_repeats,
    repeat_candidates,
)  # fmt: skip
from luthier.data.plan.shards import Shards
from luthier.domain.examples import Example, Message

NAMES = ["Petra", "Jonas", "Ravi", "Mina", "Olga", "Hugo", "Ines", "Leon", "Kofi", "Yara"]
FILLER = [(f"Mail about {name}, who would like news on order {n}{n}7", f"news {n}{n}7") for n, name in enumerate(NAMES)]
LETTER = "Dear team, Hartdale Plastics called: their access does not work and they need it fixed before the week ends."
CALL = '{"name": "issue", "arguments": {"firm": "Hartdale Plastics"}}'


class Compared:
    """Rows in two batches of one shard, compared as a build compares them."""

    def __init__(self, pairs: list[tuple[str, str]], folder: Path) -> None:
        rows = [
            Example(id=f"r{n}", messages=(Message(role="user", content=q), Message(role="assistant", content=a)))
            for n, (q, a) in enumerate(pairs)
        ]
        file = folder / "rows.arrow"
        with pa.ipc.new_file(str(file), schema(0.85)) as sink:
            for part in (rows[:5], rows[5:]):
                sink.write_batch(with_features(batch_of(part), "salt", 0.85))
        self.shards = Shards([file])
        self.everyone = np.arange(len(rows))
        lookout = Lookout(Here(), self.shards, self.everyone, config=LeakageConfig(), folder=folder)
        self.judges = Judges(Here(), (file,), lookout.file, 0.85)

    def near(self) -> dict[int, int]:
        """Row that nearly says what an earlier one says -> the first of its cluster."""
        close = close_questions(self.shards, self.everyone, 0.85)
        candidates = repeat_candidates(self.shards, close, self.everyone)
        rows, of = cluster_heads(self.everyone, self.judges.repeats(candidates))
        return dict(zip(rows.tolist(), of.tolist(), strict=True))


def test_a_copy_in_other_case_is_an_exact_repeat_of_the_first(tmp_path: Path) -> None:
    found = Compared([*FILLER, (LETTER, CALL), (LETTER.upper().replace(" ", "  "), CALL)], tmp_path)
    rows, of = exact_repeats(found.shards, found.everyone)
    assert (rows.tolist(), of.tolist()) == ([11], [10])


def test_a_forwarded_copy_is_a_near_repeat_also_with_its_json_set_otherwise(tmp_path: Path) -> None:
    forwarded = ("Fwd: " + LETTER + " Thanks!", CALL.replace(": ", ":"))
    assert Compared([*FILLER, (LETTER, CALL), forwarded], tmp_path).near() == {11: 10}


@pytest.mark.parametrize(
    "other",
    [
        (LETTER.replace("Hartdale", "Winford"), CALL.replace("Hartdale", "Winford")),
        (LETTER + " Thanks!", CALL.replace("issue", "meeting")),
    ],
)
def test_another_name_or_answer_is_no_repeat(tmp_path: Path, other: tuple[str, str]) -> None:
    assert Compared([*FILLER, (LETTER, CALL), other], tmp_path).near() == {}


def test_another_figure_is_no_repeat(tmp_path: Path) -> None:
    rows = [(LETTER + " Ticket 1234", CALL), (LETTER + " Ticket 1235", CALL)]
    assert Compared([*FILLER, *rows], tmp_path).near() == {}


def test_in_a_crowd_of_one_question_rows_meet_those_of_their_own_answer(tmp_path: Path) -> None:
    crowd = [(LETTER + " " + "Please. " * (n % 2), f"the label {'abc'[n % 3]}") for n in range(9)]
    found = Compared([*FILLER, *crowd], tmp_path).near()
    assert found == {place: 10 + (place - 10) % 3 for place in range(13, 19)}


def test_cluster_sizes_count_the_row_that_stays() -> None:
    rows, of = np.array([3, 4, 9]), np.array([1, 3, 7])
    assert cluster_sizes(rows, of) == {2: 1, 3: 1}
    assert cluster_sizes(rows[:0], of[:0]) == {}
