"""Drawing rows so that tags keep their shares and no group is torn."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from luthier.domain.examples import Example
from luthier.errors import UserError

Stratum = tuple[str, ...]


@dataclass(frozen=True)
class Drawn:
    """The rows that were drawn, and rows of their groups that could not be drawn themselves."""

    chosen: tuple[Example, ...]
    companions: tuple[Example, ...]


def draw(
    rows: Sequence[Example],
    size: int,
    *,
    stratify_by: Sequence[str] = (),
    seed: int,
    barred: Collection[str] = frozenset(),
) -> Drawn:
    """`size` rows with the strata's shares kept as far as whole groups allow; the same for the same rows and seed.

    A group larger than what is still wanted may take the draw past `size`. Rows in `barred` are never chosen.

    Raises:
        UserError: There are not `size` rows to choose from, or no row has one of the tags.

    """
    _check_tags(rows, stratify_by)
    groups = _groups(rows)
    counts = {
        name: count
        for name, members in groups.items()
        if (count := Counter(_stratum(row, stratify_by) for row in members if row.id not in barred))
    }
    _check_size(size, counts)
    taken = _take(counts, size, sorted(counts, key=lambda name: _shuffled(seed, name)))
    in_taken = [row for row in rows if _group(row) in taken]
    return Drawn(
        chosen=tuple(row for row in in_taken if row.id not in barred),
        companions=tuple(row for row in in_taken if row.id in barred),
    )


def _take(counts: Mapping[str, Counter[Stratum]], size: int, order: Sequence[str]) -> set[str]:
    """Groups in order that fit what each stratum still wants; then those that overshoot it least."""
    wanted = _quotas(sum(counts.values(), Counter()), size)
    taken: set[str] = set()
    for name in order:
        if all(count <= wanted[stratum] for stratum, count in counts[name].items()):
            taken.add(name)
            wanted.subtract(counts[name])
    left = [name for name in order if name not in taken]
    missing = sum(wanted.values())
    while missing > 0:
        name = min(left, key=lambda name: _overshoot(counts[name], wanted))
        left.remove(name)
        taken.add(name)
        wanted.subtract(counts[name])
        missing -= counts[name].total()
    return taken


def _overshoot(count: Counter[Stratum], wanted: Counter[Stratum]) -> float:
    """Share of a group's rows that nobody wants any more."""
    return sum(max(0, rows - max(0, wanted[stratum])) for stratum, rows in count.items()) / count.total()


def _quotas(sizes: Counter[Stratum], total: int) -> Counter[Stratum]:
    """`total` rows shared out by largest remainder, never more than a stratum has."""
    rows = sizes.total()
    exact = {stratum: total * count / rows for stratum, count in sizes.items()}
    quotas = Counter({stratum: int(share) for stratum, share in exact.items()})
    by_remainder = sorted(exact, key=lambda stratum: (int(exact[stratum]) - exact[stratum], stratum))
    quotas.update(by_remainder[: total - quotas.total()])
    return quotas


def _groups(rows: Sequence[Example]) -> dict[str, list[Example]]:
    groups: defaultdict[str, list[Example]] = defaultdict(list)
    for row in rows:
        groups[_group(row)].append(row)
    return groups


def _group(row: Example) -> str:
    """The group of a row; a row without one is a group of its own."""
    return f"row {row.id}" if row.group is None else f"group {row.group}"


def _stratum(row: Example, tags: Sequence[str]) -> Stratum:
    return tuple(row.strata.get(tag, "") for tag in tags)


def _shuffled(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def _check_tags(rows: Sequence[Example], tags: Sequence[str]) -> None:
    for tag in tags:
        if rows and not any(tag in row.strata for row in rows):
            known = sorted({name for row in rows for name in row.strata})
            raise UserError(f"no row has the tag {tag!r} to stratify by", hint=f"the rows' tags are {known[:20]}")


def _check_size(size: int, counts: Mapping[str, Counter[Stratum]]) -> None:
    there = sum(count.total() for count in counts.values())
    if size > there:
        raise UserError(
            f"{size} rows were to be drawn and only {there} can be",
            hint="lower `gold.size`, or bring more rows that differ from each other",
        )
