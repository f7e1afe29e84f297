"""The data stage: sources in, a snapshot with its gold set out, and every row accounted for."""

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from luthier.data.config import DataConfig
from luthier.data.executors.executor import Executor
from luthier.data.plan.judging import Judges
from luthier.data.plan.kept import Ending, keep
from luthier.data.plan.leaks import Lookout
from luthier.data.plan.passes import Passes
from luthier.data.plan.rewording import SIMILAR, reworded, write_similar
from luthier.data.plan.settling import settle_contradictions
from luthier.data.plan.shape import Rules
from luthier.data.plan.shaped import shape_all
from luthier.data.resolving import Resolution, latest
from luthier.data.types import DataResult, Ports, SourceFile
from luthier.domain.digests import digest_of
from luthier.domain.snapshots import GoldSet
from luthier.errors import UserError
from luthier.text.encoding import Encode, Remembered
from luthier.text.pii import pii_recognisers

VERSION = 5
"""Raised by hand when the same inputs would give another snapshot."""

_STEPS = 6


def run(
    ports: Ports,
    config: DataConfig,
    sources: Sequence[SourceFile],
    *,
    project: str,
    salt: str,
    pii_key: str | None = None,
    folder: Path,
    executor: Executor,
    frozen_gold: GoldSet | None = None,
    gold_file: SourceFile | None = None,
    erased: Collection[str] = (),
    today: date | None = None,
    input_types: Collection[str] = (),
    resolutions: Sequence[Resolution] = (),
    encode: Encode | None = None,
) -> DataResult:
    """The snapshot of `sources`; the same inputs give the same one, also when its own gold set comes back as frozen.

    Rows are never held; what was made before the process was last killed is found in `folder` and used.

    Args:
        ports: Where progress goes.
        config: The rules.
        sources: Each source with its digest.
        project: Name on manifest and card.
        salt: Secret of the project; without it row digests tell nothing about rows.
        pii_key: What personal data is locked under where `config.pii.action` is `encrypt`.
        folder: For shards, parts and lists; what is in it belongs to earlier runs of this build.
        executor: Where pieces are shaped and parts are written; it changes no byte.
        frozen_gold: The gold set of an earlier build: it stays the test split and is never drawn again.
        gold_file: The file of `config.gold.path`, while no gold set is frozen.
        erased: `person_key` of ids and subjects whose rows must not be used; a frozen gold set is left to the caller.
        today: Decides which rows are past their retention; without it none is.
        input_types: Kinds of input that the charter names; those that no gold row is tagged with are told.
        resolutions: What people decided about contradictions, in the order in which they did.
        encode: The encoder that `config.embeddings` names; None for the vectors of the package.

    Raises:
        Faults: Lines that cannot be read; all of them.
        Refused: Rows give the gold set away or contradict each other; all of them by name.
        UserError: Too few rows for the gold set, or an unknown tag, format or entity.

    """
    for entity in config.pii.alone:
        pii_recognisers.get(entity)  # a name that nobody knows fails before anything is read
    rules = Rules(config, salt, pii_key, frozenset(erased), today, boilerplate={})
    shaped = shape_all(ports, executor, rules, sources, folder, gold_file=gold_file, frozen=frozen_gold)
    passes = Passes.of(config, shaped)
    known = _remembered(encode, config, folder)
    lookout = Lookout(executor, shaped.shards, passes.everyone, config=config.leakage, folder=folder, encode=known)
    judges = Judges(executor, shaped.shards.files, lookout.file, config.duplicates.near_threshold)
    ports.progress("words counted", 1, _STEPS)
    clusters, close = passes.leave_out_duplicates(judges)
    ports.progress("duplicates", 2, _STEPS)
    similar = reworded(passes, judges, lookout, config.duplicates)
    ports.progress("the same in other words", 3, _STEPS)
    notes = settle_contradictions(passes, judges, lookout, close, resolutions=latest(resolutions), folder=folder)
    ports.progress("contradictions", 4, _STEPS)
    notes += _settle_gold(passes, lookout, is_known=bool(frozen_gold or gold_file))
    ports.progress("gold and leakage", 5, _STEPS)
    passes.split()
    missing = passes.missing(input_types)
    write_similar(folder / SIMILAR, passes, similar)
    ending = Ending(project, config, sources, gold_file, VERSION, clusters, similar.sizes, missing, notes)
    result = keep(passes, executor, folder, ending)
    ports.progress("split and written", _STEPS, _STEPS)
    return result


def _remembered(encode: Encode | None, config: DataConfig, folder: Path) -> Encode | None:
    """The encoder with a file for what it said; another encoder has another file."""
    name = digest_of(config.embeddings.model_dump(mode="json"))[:32]
    return Remembered(encode, folder / f"encoded-{name}.f16") if encode else None


def _settle_gold(passes: Passes, lookout: Lookout, *, is_known: bool) -> list[str]:
    """The rows that may train are told from those that may not; what a person should know of it."""
    if not is_known:
        lookalikes = passes.draw_gold(lookout)
        return [f"{lookalikes} rows could not be gold because another row resembles them."] if lookalikes else []
    if not passes.shaped.gold_rows:
        raise UserError("no row of the gold set can be used", hint="are its answers empty?")
    passes.keep_groups_apart()
    bar = passes.stop_leaks(lookout)
    return [f"{bar.sentence[:1].upper()}{bar.sentence[1:]}."] if bar.at > bar.asked_for else []
