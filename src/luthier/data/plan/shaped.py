"""All pieces shaped: the shards in order, what happened on the way, and every fault told at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from luthier.data.clean import Boilerplate, LineCounts
from luthier.data.executors.executor import Executor
from luthier.data.plan.bodies import batch_of
from luthier.data.plan.features import schema, with_features
from luthier.data.plan.files import written
from luthier.data.plan.reading import pieces_of
from luthier.data.plan.shape import Rules, ShapeTask, count_piece, shape
from luthier.data.plan.shards import ShardFacts, Shards
from luthier.data.plan.tally import FAULTS_TOLD
from luthier.data.types import Ports, SourceFile
from luthier.domain.snapshots import GoldSet
from luthier.errors import Faults


@dataclass(frozen=True)
class Shaped:
    """The rows of the gold set that is known already, then those of all sources; and how they came to be."""

    shards: Shards
    files: Sequence[Path]
    """One per shard."""
    gold_rows: int
    """The first rows, which are gold."""
    left_out: Sequence[Path]
    """The lists of rows that never became rows of a shard."""
    facts: Sequence[ShardFacts]
    """One per piece."""
    gold_source: int | None
    """The source that the gold rows were read from, where they come from a file."""

    def counted(self, name: str) -> dict[str, int]:
        """The counts called `name` of all sources, sorted; of the gold file only what was dropped counts."""
        kept = [facts for facts in self.facts if name == "dropped" or facts.source != self.gold_source]
        total = sum((Counter(getattr(facts, name)) for facts in kept), Counter[str]())
        return dict(sorted(total.items()))

    @property
    def rows_per_source(self) -> Mapping[int, int]:
        """Rows read from each source."""
        counts: Counter[int] = Counter()
        for facts in self.facts:
            counts[facts.source] += facts.rows_in
        return counts


def shape_all(
    ports: Ports,
    executor: Executor,
    rules: Rules,
    sources: Sequence[SourceFile],
    folder: Path,
    *,
    gold_file: SourceFile | None = None,
    frozen: GoldSet | None = None,
) -> Shaped:
    """Every piece of the gold file, where there is one, and of the sources, shaped by the executor.

    Raises:
        Faults: Lines that cannot be read, or that say one id twice; as `file:line: what`.

    """
    files = [*([gold_file] if gold_file else []), *sources]
    pieces = pieces_of(files, rules.config)
    rules = replace(rules, boilerplate=_boilerplate(executor, [ShapeTask(piece, rules, folder) for piece in pieces]))
    tasks = [ShapeTask(piece, rules, folder) for piece in pieces]
    facts = []
    for done, found in enumerate(executor.run(shape, tasks), start=1):
        facts.append(found)
        ports.progress("pieces read and cleared", done, len(tasks))
    _refuse_faults(files, facts)
    of_gold = [task.shard.rows for task in tasks if gold_file and task.piece.source == 0]
    others = [task.shard.rows for task in tasks if not gold_file or task.piece.source > 0]
    if frozen:
        of_gold = [_gold_shard(frozen, rules, folder)]
    shards = Shards([*of_gold, *others])
    gold_rows = len(Shards(of_gold))
    _refuse_repeated_ids(shards, 0 if gold_file else gold_rows)
    left_out = [task.shard.dropped for task in tasks]
    return Shaped(shards, [*of_gold, *others], gold_rows, left_out, facts, 0 if gold_file else None)


def _boilerplate(executor: Executor, tasks: Sequence[ShapeTask]) -> Boilerplate:
    """The lines that stand in too many rows, which takes a reading of its own; none where nobody asked."""
    share = tasks[0].rules.config.clean.boilerplate_share if tasks else None
    if share is None:
        return {}
    counts = LineCounts()
    for found in executor.run(count_piece, tasks):
        counts.merge(found)
    return counts.boilerplate(share)


def _gold_shard(gold: GoldSet, rules: Rules, folder: Path) -> Path:
    target, threshold = folder / f"gold-{gold.digest[:32]}.arrow", rules.config.duplicates.near_threshold
    with written(target) as temporary, pa.ipc.new_file(str(temporary), schema(threshold)) as sink:
        sink.write_batch(with_features(batch_of(gold.examples), rules.salt, threshold))
    return target


def _refuse_faults(files: Sequence[SourceFile], facts: Sequence[ShardFacts]) -> None:
    told = [fault for each in facts for fault in each.faults]
    untold = sum(each.faults_untold for each in facts)
    seen = Counter[int]()
    for each in facts:
        seen[each.source] += each.rows_in + len(each.faults)
    told += [f"{file.path}:1: the file holds no rows" for place, file in enumerate(files) if not seen[place]]
    _refuse(told, untold)


def _refuse_repeated_ids(shards: Shards, start: int) -> None:
    """Refuse ids that stand twice among the rows from `start` on."""
    keys = shards.figures("id_key")[start:]
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1]) + 1
    if not len(again):
        return
    firsts, seconds = shards.take(order[again - 1] + start), shards.take(order[again] + start)
    pairs = zip(firsts.select(_PLACE).to_pylist(), seconds.select(_PLACE).to_pylist(), strict=True)
    told = [f"{two['source']}:{two['line']}: the id was used before, at {one['source']}:{one['line']}"
            for one, two in pairs]  # fmt: skip
    _refuse(told, 0)


_PLACE = ["source", "line"]


def _refuse(told: Sequence[str], untold: int) -> None:
    rest = len(told) - FAULTS_TOLD + untold if len(told) > FAULTS_TOLD else untold
    if told:
        listed = [*told[:FAULTS_TOLD], *([f"and {rest} more"] if rest else [])]
        raise Faults("the data", listed, hint="mend or remove these lines; nothing was kept")
