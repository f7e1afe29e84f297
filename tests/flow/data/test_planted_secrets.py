"""Fifty secrets in raw tickets come out of a real project nowhere; with the filter off they come out everywhere.

Looked through are all that the project keeps (the artifacts, every cell of a database of each kind, the files as
bytes), what its commands print, its pages and its export, and what a model says that knows every training answer by
heart and is asked each ticket by its first words. Written out as JSON or hidden by signs that nobody sees, a secret
counts too.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from sqlalchemy import MetaData, create_engine, select
from sqlalchemy.engine import make_url

from luthier.cli.main import main
from tests.flow.data import made

PROJECT = """
project: p
charter:
  problem: A problem.
  taxonomy: {{input_types: [k0]}}
  kpis: [{{name: k, now: 0.1, target: "> 0.2", owner: nobody}}]
  kill_criterion: {{metric: k, must_reach: "> 0.1", within_weeks: 8}}
data:
  sources: [{{path: rows.jsonl, format: chat, lawful_basis: contract}}]
  pii: {{action: "{action}", ner: "{ner}", cleared_by: nobody, reason: the words are made up}}
  gold: {{size: 40, stratify_by: [kind]}}
  split: {{group_by: customer}}
models: {{by_heart: {{engine: nearest, id: by_heart}}}}
variants:
  by_heart: {{model: by_heart, prompt: prompt.md}}
evaluation:
  benchmarks: [{{name: begun, dataset: begun.jsonl, metrics: [exact_match]}}]
"""


def _luhn(digits: str) -> str:
    """`digits` with the check digit of ISO/IEC 7812-1 after them."""
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def _iban(body: str) -> str:
    """A German account with the check digits of ISO 7064."""
    return f"DE{98 - int(body + '131400') % 97:02d}{body}"


def fifty() -> list[str]:
    """Secrets of ten kinds, no two alike."""
    random = Random(20)

    def digits(count: int) -> str:
        return "".join(random.choices("0123456789", k=count))

    def letters(count: int) -> str:
        return "".join(random.choices("abcdefghijkmnpqrstuvwxyz", k=count))

    made_by_kind: list[Callable[[], str]] = [
        lambda: f"{letters(6)}.{letters(5)}@{letters(7)}.example",
        lambda: _luhn("4" + digits(14)),
        lambda: _iban(digits(18)),
        lambda: f"+44 20 7{digits(3)} {digits(4)}",
        lambda: f"{random.randint(100, 665)}-{random.randint(10, 99)}-{random.randint(1000, 9999)}",
        lambda: f"sk-live-{letters(12)}{digits(8)}",
        lambda: f"AKIA{(letters(8) + digits(8)).upper()}",
        lambda: f"ghp_{letters(20)}{digits(16)}",
        lambda: f"password: {letters(8)}{digits(3)}!",
        lambda: f"10.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}",
    ]
    return [make() for make in made_by_kind for _ in range(5)]


TOLD = fifty()
"""Each secret as it is told: a password needs its word, all others are found by themselves."""

SECRETS = [told.removeprefix("password: ") for told in TOLD]
LOOKALIKES = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "p": "\u0440", "c": "\u0441", "x": "\u0445", "4": "\uff14"}
FORMS: Mapping[str, Callable[[str], str]] = {
    "prose": lambda told: f"As ever I used {told} and the job fails.",
    "table": lambda told: f"| id | value |\n|---|---|\n| 7 | {told} |",
    "json": lambda told: json.dumps({"ticket": 7, "request": {"value": told}}),
    "log": lambda told: f"2026-01-05 10:00:00 ERROR [auth] value={told} status=403",
    "markdown": lambda told: f"- **Value:** `{told}`\n- *see* the page",
    "headers": lambda told: f"From: desk\nX-Value: {told}\nSubject: job\n\nIt is broken.",
    "csv": lambda told: f"id,value\n7,{told}\n8,none",
    "zero width": lambda told: f"It says {told[:-4]}\u200b{told[-4:]} now",
    "lookalikes": lambda told: f"It says {''.join(LOOKALIKES.get(char, char) for char in told)} now",
    "soft hyphens": lambda told: f"It says {told[:-6]}\u00ad{told[-6:-3]}\u2060{told[-3:]} now",
}


def words_of(number: int) -> list[str]:
    """The words of a ticket, which no other has in this order."""
    return Random(number).choices(made.WORDS, k=26)


def write_beginnings(target: Path) -> None:
    """A benchmark that asks for each ticket by the words before its secret."""
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"{' '.join(words_of(number)[:13])} {number}77"},
                {"role": "assistant", "content": "none"},
            ]
        }
        for number in range(len(TOLD))
    ]
    target.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_tickets(target: Path) -> None:
    """The rows of `made`, and fifty tickets: each secret once, five in each form, also in answer and metadata."""
    made.write_rows(target)
    forms = list(FORMS.values())
    rows = []
    for number, told in enumerate(TOLD):
        words = words_of(number)
        asked = forms[(number + number // 10) % len(forms)](told)
        rows.append({
            "id": f"ticket{number}",
            "messages": [
                {"role": "user", "content": f"{' '.join(words[:13])} {number}77\n{asked}"},
                {"role": "assistant", "content": f"{' '.join(words[13:])} {number}77. {told}"},
            ],
            "metadata": {"kind": "k0", "customer": f"t{number}", "note": told},
        })  # fmt: skip
    with target.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def luthier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command on the project in `tmp_path`; what it printed on both streams."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["luthier", *arguments, "--project", str(tmp_path / "project")])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = "".join(capfd.readouterr())
        assert ended.value.code == 0, printed
        return printed

    return run


def everything(
    tmp_path: Path, luthier: Callable[..., str], database: str, *, action: str, ner: str = "off"
) -> dict[str, str]:
    """What a project of the tickets keeps, shows and says, by where it lies."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "luthier.yaml").write_text(PROJECT.format(action=action, ner=ner))
    write_beginnings(folder / "begun.jsonl")
    (folder / "prompt.md").write_text("Answer.")
    write_tickets(folder / "rows.jsonl")
    printed = [
        luthier("data", "build"),
        luthier("data", "show", "--limit", "1000"),
        luthier("data", "show", "--dropped", "--limit", "1000"),
        luthier("data", "card", "--out", str(tmp_path / "card")),
        luthier("data", "export", str(tmp_path / "out")),
        said := luthier("evaluate", "run", "by_heart", "--json"),
        luthier("evaluate", "show", "by_heart"),
        luthier("audit", "log", "--json"),
    ]
    kept = [path for path in (folder / ".luthier").rglob("*") if path.is_file()]
    assert len(kept) > 5
    return {
        "printed": "\n".join(printed),
        "generations": said,
        "database": "\n".join(_cells(database)),
        "artifacts": "\n".join(_read(path) for path in kept),
        "pages": "\n".join(_read(path) for path in (tmp_path / "card").iterdir()),
        "export": "\n".join(_read(path) for path in (tmp_path / "out").rglob("*") if path.is_file()),
    }


def _read(path: Path) -> str:
    data = path.read_bytes()
    text = data.decode("utf-8", errors="ignore")
    return f"{text}\n{pq.read_table(path).to_pylist()}" if data[:4] == b"PAR1" else text


def _cells(database: str) -> Iterator[str]:
    """Every cell of every table."""
    url, tables = make_url(database), MetaData()
    engine = create_engine(url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url)
    tables.reflect(engine)
    assert len(tables.tables) > 5
    with engine.connect() as connection:
        for table in tables.tables.values():
            for row in connection.execute(select(table)):
                yield from (cell.decode("utf-8", "ignore") if isinstance(cell, bytes) else str(cell) for cell in row)
    engine.dispose()


def shown(text: str) -> str:
    """`text` as a reader sees it: escapes read, unseen signs gone, look-alikes as what they look like."""
    text = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)
    text = re.sub(r"\\xad|[\u00ad\u200b\u2060]", "", text)
    return text.translate({ord(other): char for char, other in LOOKALIKES.items()})


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database that the project is told to use."""
    monkeypatch.setenv("LUTHIER_DATABASE_URL", database_url)
    return database_url


@pytest.mark.parametrize(
    ("database_url", "ner"),
    [("sqlite", "off"), pytest.param("postgresql", "bundled", marks=pytest.mark.slow)],
    indirect=["database_url"],
)
def test_fifty_secrets_in_raw_tickets_come_out_nowhere(
    tmp_path: Path, luthier: Callable[..., str], database: str, ner: str
) -> None:
    assert len(set(SECRETS)) == 50
    found = {
        (place, secret)
        for place, text in everything(tmp_path, luthier, database, action="mask", ner=ner).items()
        for secret in SECRETS
        if secret in shown(text)
    }
    assert found == set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_with_the_filter_off_they_come_out_so_the_search_can_see(
    tmp_path: Path, luthier: Callable[..., str], database: str
) -> None:
    places = everything(tmp_path, luthier, database, action="off")
    for place in ("artifacts", "export"):
        seen = shown(places[place])
        assert [secret for secret in SECRETS if secret not in seen] == [], place
    assert any(secret in shown(places["printed"]) for secret in SECRETS)
    assert sum(secret in shown(places["generations"]) for secret in SECRETS) > 25, "the model has nothing by heart"
