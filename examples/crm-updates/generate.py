"""Write the example's raw material into a folder: `emails.jsonl` and the knowledge base `kb/`.

    python examples/crm-updates/generate.py --out DIR --seed 7 [--plant contradictions|leakage|secrets N]

The same options give the same bytes. `--plant` adds rows that a careful data stage must catch and names them in
`planted.json`; without it the data holds duplicates and a few empty rows, as real exports do, and nothing worse.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from emails import Account, Email, make_accounts, make_iban, write_emails

Row = dict[str, Any]
ACCOUNTS, SILENT_ACCOUNTS = 1300, 100
DUPLICATE_SHARE, EMPTY_SHARE = 0.03, 0.005
CONFLICTS = {
    "update_deal": ("stage", ("qualified", "proposal", "negotiation", "won", "lost")),
    "report_issue": ("topic", ("delivery", "billing", "quality", "access")),
    "book_meeting": ("channel", ("call", "video", "visit")),
    "add_contact": ("role", ("buyer", "owner", "office manager")),
}


def main() -> None:
    """Write everything and say how much it was."""
    options = _parse()
    accounts = make_accounts(options.seed, ACCOUNTS + SILENT_ACCOUNTS)
    rows = raw_rows(accounts[:ACCOUNTS], options.seed, options.rows)
    for kind, count in options.plant or []:
        rows += plant(kind, rows, int(count), options.seed)
    write(options.out, rows, accounts)
    print(f"{len(rows)} e-mails and {len(accounts)} knowledge base documents are in {options.out}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into; made where missing")
    parser.add_argument("--seed", type=int, default=7, help="other seeds give other customers and e-mails")
    parser.add_argument("--rows", type=int, default=6000, help="raw e-mails, duplicates and empty ones included")
    parser.add_argument("--plant", nargs=2, action="append", metavar=("KIND", "N"), help=f"one of {sorted(PLANTS)}")
    options = parser.parse_args()
    for kind, count in options.plant or []:
        if kind not in PLANTS or not count.isdigit():
            parser.error(f"--plant takes one of {sorted(PLANTS)} and a number, not {kind!r} {count!r}")
    return options


def raw_rows(accounts: Sequence[Account], seed: int, count: int) -> list[Row]:
    """`count` rows in a mixed order: fresh e-mails, then a few duplicates and empty ones among them."""
    rng = Random(f"rows:{seed}")
    duplicates, empty = round(count * DUPLICATE_SHARE), round(count * EMPTY_SHARE)
    fresh = [row_of(email) for email in write_emails(accounts, seed, count - duplicates - empty)]
    copies = [_copy(rng, row) for row in rng.sample(fresh, duplicates)]
    blanks = [_blank(rng, row) for row in rng.sample(fresh, empty)]
    rows = [*fresh, *copies, *blanks]
    rng.shuffle(rows)
    return [{"id": f"mail-{number:05d}", **row} for number, row in enumerate(rows, start=1)]


def row_of(email: Email) -> Row:
    """One line of chat JSONL, without its id."""
    return {
        "messages": [{"role": "user", "content": email.text}, {"role": "assistant", "content": email.ideal}],
        "metadata": {
            "task_type": email.tool,
            "difficulty": email.difficulty,
            "needs_fact": "yes" if email.needs_fact else "no",
            "customer_id": email.customer_id,
        },
    }


def _changed(row: Row, *, asked: str | None = None, ideal: str | None = None, metadata: Mapping[str, str] = {}) -> Row:
    """A copy of the row with another question, answer or tags."""
    question, answer = (message["content"] for message in row["messages"])
    texts = (question if asked is None else asked, answer if ideal is None else ideal)
    messages = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=True)]
    return {**row, "messages": messages, "metadata": {**row["metadata"], **metadata}}


def _copy(rng: Random, row: Row) -> Row:
    """The same e-mail again: as it was, forwarded, or with a word of thanks."""
    asked: str = row["messages"][0]["content"]
    edits = [
        asked,
        asked.replace("Subject: ", "Subject: Fwd: ", 1),
        asked.rstrip() + " Thanks!",
        asked.replace("\n\n", "\n\n\n"),
    ]
    return _changed(row, asked=rng.choice(edits))


def _blank(rng: Random, row: Row) -> Row:
    """A row whose e-mail or answer got lost."""
    return _changed(row, asked="") if rng.random() < 0.5 else _changed(row, ideal="")


def plant(kind: str, rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """`count` rows of a kind that must be caught, each marked in its metadata."""
    rng = Random(f"plant:{kind}:{seed}")
    whole = [row for row in rows if all(message["content"] for message in row["messages"])]
    chosen = rng.sample(whole, count)
    planted = [PLANTS[kind](rng, row, number) for number, row in enumerate(chosen, start=1)]
    return [
        {**row, "id": f"plant-{kind}-{number:04d}", "metadata": {**row["metadata"], "planted": kind}}
        for number, row in enumerate(planted, start=1)
    ]


def _contradiction(rng: Random, row: Row, _number: int) -> Row:
    """The same e-mail with another closing word and a target that cannot also be right."""
    call = json.loads(row["messages"][1]["content"])
    argument, choices = CONFLICTS[call["name"]]
    call["arguments"][argument] = rng.choice([choice for choice in choices if choice != call["arguments"][argument]])
    return _changed(row, asked=row["messages"][0]["content"] + " Ta!", ideal=json.dumps(call, ensure_ascii=False))


def _leak(rng: Random, row: Row, number: int) -> Row:
    """The same e-mail under another customer, so that a split by customer may put the two on both sides."""
    asked: str = row["messages"][0]["content"]
    words = asked.split(" ")
    spot = rng.randrange(2, max(3, len(words) - 2))
    swapped = [*words[:spot], *reversed(words[spot : spot + 2]), *words[spot + 2 :]]
    edits = [asked, asked.upper(), asked.replace(" ", "  "), " ".join(swapped)]
    return _changed(row, asked=edits[number % len(edits)], metadata={"customer_id": f"leak-{number:04d}"})


def _secret(rng: Random, row: Row, number: int) -> Row:
    """An e-mail with something in it that must never be kept."""
    asked: str = row["messages"][0]["content"]
    secrets = [
        f"key sk-live-{rng.getrandbits(128):032x}",
        f"card {_card(rng)}",
        f"IBAN {make_iban(rng)}",
        f"write to secret.person{number}@private{rng.randrange(10**6):06d}.example",
        f"phone +44 20 7946 0{rng.randrange(1000):03d}",
    ]
    return _changed(row, asked=f"{asked}\nPS: {secrets[number % len(secrets)]}")


def _card(rng: Random) -> str:
    """Sixteen digits that pass the Luhn check."""
    digits = [4, *(rng.randrange(10) for _ in range(14))]
    doubled = [digit if place % 2 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))


PLANTS: Mapping[str, Callable[[Random, Row, int], Row]] = {
    "contradictions": _contradiction,
    "leakage": _leak,
    "secrets": _secret,
}


def write(out: Path, rows: Sequence[Row], accounts: Sequence[Account]) -> None:
    """The files, each rewritten only where its bytes differ."""
    _put(out / "emails.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    documents = {f"{account.name.lower().replace(' ', '-')}.md": account.document for account in accounts}
    for name, text in documents.items():
        _put(out / "kb" / name, text)
    for stale in set((out / "kb").glob("*.md")) - {out / "kb" / name for name in documents}:
        stale.unlink()
    planted = [{"id": row["id"], "text": row["messages"][0]["content"]} for row in rows if "planted" in row["metadata"]]
    if planted:
        _put(out / "planted.json", json.dumps(planted, ensure_ascii=False, indent=1))
    else:
        (out / "planted.json").unlink(missing_ok=True)


def _put(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
