"""Contradictions in one build: what people decided is done, what is left is refused by name, or left out."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from luthier.data import contradictions
from luthier.data.contradictions import Conflict, Contradiction, worth_comparing
from luthier.data.openness import Expected
from luthier.data.plan.files import written
from luthier.data.plan.judging import Judges
from luthier.data.plan.leaks import Lookout
from luthier.data.plan.passes import Passes
from luthier.data.plan.repeats import PairRows
from luthier.data.resolving import OPEN_CONTRADICTIONS, OpenContradiction, Resolution
from luthier.errors import Refused

Told = Mapping[int, str]


def settle_contradictions(
    passes: Passes,
    judges: Judges,
    lookout: Lookout,
    close: PairRows,
    *,
    resolutions: Sequence[Resolution],
    folder: Path,
) -> list[str]:
    """Rows that contradict another one are left out, or refuse the build; what a person should know of it.

    Args:
        passes: The rows, with their duplicates left out.
        judges: Who compares pairs.
        lookout: All rows, for what answers are to be expected.
        close: Pairs of rows whose questions are close.
        resolutions: What people decided about single pairs, one decision a pair.
        folder: For the list of contradictions that wait for a person.

    """
    places = _places(passes, {digest for each in resolutions for digest in each.pair})
    standing = [each for each in resolutions if each.pair <= places.keys()]
    _leave_out_as_decided(passes, standing, places)
    found, notes = _conflicts(passes, judges, lookout, close)
    fine = {frozenset(places[digest] for digest in each.pair) for each in standing if each.keep == "both"}
    left = [conflict for conflict in found if frozenset({conflict.first, conflict.second}) not in fine]
    if left and passes.config.contradictions == "block":
        _refuse(passes, left, folder)
    _leave_out(passes, left)
    return notes + _notes(standing)


def _conflicts(passes: Passes, judges: Judges, lookout: Lookout, close: PairRows) -> tuple[list[Conflict], list[str]]:
    shards, fates = passes.shards, passes.fates
    rows = np.concatenate([np.arange(passes.shaped.gold_rows), np.flatnonzero(fates.open & ~passes.preferences)])
    questions, answers = (shards.figures(f"{part}_key")[rows] for part in ("question", "answer"))
    apart = close[(close[:, 0] != close[:, 1]) & np.isin(close, rows).all(axis=1)]
    pairs = rows[worth_comparing(questions, answers, np.searchsorted(rows, apart))]
    found, openness = contradictions.settled(
        judges.verdicts(pairs), shards.examples, lambda: lookout.expected(rows[Expected.sample(questions)])
    )
    return [*found, *passes.opposed()], [openness.sentence] if openness.is_open else []


def _leave_out_as_decided(passes: Passes, resolutions: Sequence[Resolution], places: Mapping[str, int]) -> None:
    told = {places[digest]: f"{each.by}: {each.reason}" for each in resolutions for digest in each.dropped}
    in_gold = [row for row in told if row < passes.shaped.gold_rows]
    if in_gold:
        listed = ", ".join(passes.ids(in_gold).values())
        raise Refused(
            f"somebody decided to leave out {listed}, and the gold set is frozen",
            hint="decide again: luthier data resolve FIRST SECOND --keep the gold row",
        )
    _as_contradictions(passes, told)


def _leave_out(passes: Passes, conflicts: Sequence[Conflict]) -> None:
    ids = passes.ids({row for pair in conflicts for row in (pair.first, pair.second)})
    told = {pair.first: f"with {ids[pair.second]}: {pair.reason}" for pair in conflicts}
    told |= {pair.second: f"with {ids[pair.first]}: {pair.reason}" for pair in conflicts}
    _as_contradictions(passes, {row: why for row, why in told.items() if row >= passes.shaped.gold_rows})


def _as_contradictions(passes: Passes, told: Told) -> None:
    passes.fates.leave_out(np.array(sorted(told), dtype=np.int64), "contradiction")
    passes.fates.explain(told)


def _refuse(passes: Passes, conflicts: Sequence[Conflict], folder: Path) -> None:
    """The list for people on disk, and a refusal that names every row."""
    rows = np.unique([(pair.first, pair.second) for pair in conflicts])
    examples = dict(zip(rows.tolist(), passes.shards.examples(rows), strict=True))
    digests = passes.shards.take(rows, "row_digest")["row_digest"].to_pylist()
    digest_of = {row: digest.hex() for row, digest in zip(rows.tolist(), digests, strict=True)}
    with written(folder / OPEN_CONTRADICTIONS) as temporary, temporary.open("w", encoding="utf-8") as sink:
        for pair in conflicts:
            one, other = examples[pair.first], examples[pair.second]
            waiting = OpenContradiction(
                first=one.id,
                second=other.id,
                reason=pair.reason,
                digests=(digest_of[pair.first], digest_of[pair.second]),
                asked=(one.asked, other.asked),
                answered=(one.ideal, other.ideal),
            )
            sink.write(waiting.model_dump_json() + "\n")
    contradictions.refuse(
        [Contradiction(first=examples[c.first].id, second=examples[c.second].id, reason=c.reason) for c in conflicts]
    )


def _notes(resolutions: Sequence[Resolution]) -> list[str]:
    deeds = Counter((each.by, each.keep == "both") for each in resolutions)
    return [
        f"{by} marked {count} contradictions as fine." if is_fine else f"{by} decided {count} contradictions by hand."
        for (by, is_fine), count in sorted(deeds.items())
    ]


def _places(passes: Passes, digests: Collection[str]) -> dict[str, int]:
    """Where the rows of these digests stand among known gold rows and rows that nothing was decided about."""
    wanted = pa.array([bytes.fromhex(digest) for digest in sorted(digests)], pa.binary(32))
    found: dict[str, int] = {}
    for start, batch in passes.shards.batches("row_digest") if digests else ():
        column = batch["row_digest"]
        for place in np.flatnonzero(pc.is_in(column, wanted).to_numpy(zero_copy_only=False)).tolist():
            row = start + place
            if row < passes.shaped.gold_rows or passes.fates.open[row]:
                found.setdefault(column[place].as_py().hex(), row)
    return found
