"""Made-up sales e-mails, each with the one CRM call that it asks for.

The same seed gives the same e-mails. Every value of a call stands in its e-mail word for word, or is one of a few named
choices, or - the CRM id of a customer that the e-mail only names - stands in the knowledge base alone.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

PHRASES: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "phrases.yaml").read_text(encoding="utf-8"))
TASK_SHARES = {"update_deal": 0.32, "report_issue": 0.26, "book_meeting": 0.24, "add_contact": 0.18}
DIFFICULTY_SHARES = {"easy": 0.45, "medium": 0.35, "hard": 0.20}
ID_STATED_SHARE = 0.3
PII_SHARES = {"phone": 0.15, "email": 0.12, "iban": 0.02}


@dataclass(frozen=True)
class Account:
    """One customer as the CRM knows it."""

    customer_id: str
    name: str
    crm_id: str
    town: str

    @property
    def document(self) -> str:
        """Its page in the knowledge base: a heading and one line, which a model reads as `name: id, town`."""
        return f"# {self.name}\n\n{self.crm_id}, {self.town}\n"


@dataclass(frozen=True)
class Email:
    """One e-mail and the call that it asks for."""

    text: str
    tool: str
    arguments: Mapping[str, str]
    difficulty: str
    needs_fact: bool
    customer_id: str

    @property
    def ideal(self) -> str:
        """The call as one line of JSON."""
        return json.dumps({"name": self.tool, "arguments": dict(self.arguments)}, ensure_ascii=False)


@dataclass(frozen=True)
class Matter:
    """What an e-mail is about: slots for the phrases, the call's arguments, and a value that no longer holds."""

    slots: Mapping[str, str]
    arguments: Mapping[str, str]
    old: str = ""


def make_accounts(seed: int, count: int) -> tuple[Account, ...]:
    """`count` customers with unique names and ids."""
    rng = Random(f"accounts:{seed}")
    names = _company_names(rng, count)
    ids = rng.sample(range(1000, 10_000), count)
    return tuple(
        Account(f"C{number:04d}", name, f"ACC-{crm_id}", rng.choice(PHRASES["company"]["town"]))
        for number, (name, crm_id) in enumerate(zip(names, ids, strict=True), start=1)
    )


def _company_names(rng: Random, count: int) -> list[str]:
    """Unique names; each eighth takes the first word of the one before it."""
    words = PHRASES["company"]
    made = {f"{head}{tail}" for head in words["first_heads"] for tail in words["first_tails"]}
    firsts = rng.sample(sorted({*words["first"], *made}), count)
    names: list[str] = []
    for number, first in enumerate(firsts):
        shared = names[-1].split()[0] if number % 8 == 7 else first
        taken = names[-1].split()[1] if names else ""
        names.append(f"{shared} {rng.choice([second for second in words['second'] if second != taken])}")
    return names


def write_emails(accounts: Sequence[Account], seed: int, count: int) -> Iterator[Email]:
    """`count` e-mails about these customers, each customer about as often as any other."""
    rng = Random(f"emails:{seed}")
    for _ in range(count):
        account, other = rng.sample(accounts, 2)
        yield write_email(rng, account, other)


def write_email(rng: Random, account: Account, other: Account) -> Email:
    """One e-mail about `account`; `other` may be mentioned in passing."""
    tool, difficulty = _draw(rng, TASK_SHARES), _draw(rng, DIFFICULTY_SHARES)
    wording = "easy" if difficulty == "easy" else "medium"
    takes_id = tool in ("update_deal", "report_issue")
    states_id = takes_id and rng.random() < ID_STATED_SHARE
    matter = _MATTERS[tool](rng, account, wording)
    mention = rng.choice(PHRASES["account"]["given" if states_id else "looked_up"])
    slots = {"company": account.name, "account_id": account.crm_id, "old": matter.old, "other": other.name}
    slots |= {name: phrase.format(**slots, **matter.slots) for name, phrase in matter.slots.items()}
    slots["account"] = mention.format(**slots)
    return Email(
        text=_compose(rng, PHRASES[tool], slots, difficulty),
        tool=tool,
        arguments=matter.arguments,
        difficulty=difficulty,
        needs_fact=takes_id and not states_id,
        customer_id=account.customer_id,
    )


def _compose(rng: Random, phrases: Mapping[str, Any], slots: Mapping[str, str], difficulty: str) -> str:
    """Subject, blank line, body; only hard e-mails carry a value that no longer holds."""
    parts = [rng.choice(PHRASES["openings"])]
    context = rng.choice(PHRASES["context"])
    core = _sentence(rng.choice(phrases["cores"]).format(**slots))
    body = [core] if difficulty == "easy" and rng.random() < 0.35 else rng.sample([context, core], 2)
    quote = ""
    if difficulty == "hard" and rng.random() < 0.5:
        quote = rng.choice(phrases["quoted"]).format(**slots)
    elif difficulty == "hard":
        body.insert(
            rng.randrange(body.index(core) + 1, len(body) + 1), rng.choice(phrases["corrections"]).format(**slots)
        )
    body += [*_personal_data(rng), rng.choice(PHRASES["closings"])]
    parts.append(" ".join(part for part in body if part))
    parts.append(_signature(rng))
    subject = rng.choice(phrases["subjects"]).format(**slots)
    text = "\n".join(part for part in [*parts, quote] if part)
    return f"Subject: {_forward(rng)}{subject}\n\n{text}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _forward(rng: Random) -> str:
    return rng.choice(PHRASES["forwards"]) if rng.random() < 0.12 else ""


def _signature(rng: Random) -> str:
    if rng.random() < 0.25:
        return ""
    names = {"farewell": rng.choice(PHRASES["farewells"]), "rep": rng.choice(PHRASES["reps"])}
    return str(rng.choice(PHRASES["signature"]).format(**names))


def _personal_data(rng: Random) -> list[str]:
    makers = {"phone": make_phone, "email": make_address, "iban": make_iban}
    return [
        rng.choice(PHRASES["pii"][kind]).format(**{kind: makers[kind](rng)})
        for kind, share in PII_SHARES.items()
        if rng.random() < share
    ]


def make_phone(rng: Random) -> str:
    """A number from the ranges kept free for fiction."""
    area = rng.choice(["+44 20 7946 0", "+44 161 496 0", "+44 113 496 0"])
    return f"{area}{rng.randrange(1000):03d}"


def make_address(rng: Random) -> str:
    """An e-mail address under a reserved domain."""
    first, last = rng.choice(PHRASES["person"]["first"]), rng.choice(PHRASES["person"]["last"])
    return f"{first}.{last}@{rng.choice(['mail', 'post', 'office'])}.example".lower()


def make_iban(rng: Random) -> str:
    """A British IBAN of a bank that does not exist, with true check digits."""
    account = f"{rng.randrange(10**14):014d}"
    digits = "".join(str(int(letter, 36)) for letter in f"ZZZZ{account}GB00")
    return f"GB{98 - int(digits) % 97:02d}ZZZZ{account}"


def _draw(rng: Random, shares: Mapping[str, float]) -> str:
    return rng.choices(list(shares), weights=list(shares.values()))[0]


def _person(rng: Random) -> str:
    return f"{rng.choice(PHRASES['person']['first'])} {rng.choice(PHRASES['person']['last'])}"


def _day(rng: Random) -> str:
    if rng.random() < 0.4:
        return str(rng.choice(PHRASES["days"]["weekdays"]))
    return f"{rng.randrange(1, 29)} {rng.choice(PHRASES['days']['months'])}"


def _amount(rng: Random) -> str:
    return str(rng.choice([50, 100, 250, 500]) * rng.randrange(12, 180))


def _two(rng: Random, make: Callable[[Random], str]) -> tuple[str, str]:
    """Two values that differ."""
    one, two = make(rng), make(rng)
    while two == one:
        two = make(rng)
    return one, two


def _deal(rng: Random, account: Account, wording: str) -> Matter:
    phrases = PHRASES["update_deal"]
    stage, (amount, old) = rng.choice(list(phrases["stages"])), _two(rng, _amount)
    said = rng.choice(phrases["stages"][stage][wording])
    slots = {"amount": amount, "stage": said, "money": rng.choice(phrases["money"])}
    return Matter(slots, {"account_id": account.crm_id, "stage": stage, "amount": amount}, old)


def _issue(rng: Random, account: Account, wording: str) -> Matter:
    phrases = PHRASES["report_issue"]
    topic, urgency = rng.choice(list(phrases["topics"])), rng.choice(list(phrases["urgencies"]))
    pressed = rng.choice(phrases["urgencies"][urgency][wording])
    slots = {"topic": rng.choice(phrases["topics"][topic][wording]), "urgency": pressed}
    return Matter(slots, {"account_id": account.crm_id, "topic": topic, "urgency": urgency})


def _meeting(rng: Random, account: Account, wording: str) -> Matter:
    phrases = PHRASES["book_meeting"]
    channel, contact = rng.choice(list(phrases["channels"])), _person(rng)
    day, old = _two(rng, _day)
    slots = {"channel": rng.choice(phrases["channels"][channel][wording]), "contact": contact, "day": day}
    return Matter(slots, {"company": account.name, "contact": contact, "day": day, "channel": channel}, old)


def _contact(rng: Random, account: Account, _wording: str) -> Matter:
    (contact, old), role = _two(rng, _person), rng.choice(PHRASES["roles"])
    return Matter({"contact": contact, "role": role}, {"company": account.name, "name": contact, "role": role}, old)


_MATTERS: Mapping[str, Callable[[Random, Account, str], Matter]] = {
    "update_deal": _deal,
    "report_issue": _issue,
    "book_meeting": _meeting,
    "add_contact": _contact,
}
