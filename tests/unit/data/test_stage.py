"""The data stage as a whole: rows are accounted for, gold stays gold, leaks are refused by name."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from luthier.data.config import DataConfig, SourceConfig
from luthier.data.executors.executor import Here
from luthier.data.gold import gold_source
from luthier.data.plan.bodies import examples_of_parquet
from luthier.data.plan.reading import source_digest
from luthier.data.stage import run
from luthier.data.types import DataResult, SourceFile
from luthier.domain.digests import canonical_json, digest_of_bytes
from luthier.domain.examples import Example
from luthier.domain.preferences import Preference
from luthier.domain.snapshots import SPLITS, GoldSet, Split
from luthier.domain.withdrawals import person_key
from luthier.errors import Faults, Refused, UnknownName, UserError
from tests.unit.data.conftest import NAMES_CLEARED

Build = Callable[..., "Built"]
Config = Callable[..., DataConfig]


FIRST = ["Alder", "Birch", "Cedar", "Dover", "Ember", "Fairway", "Granite", "Harbour", "Ivory", "Juniper", "Kestrel"]
SECOND = ["Foods", "Glass", "Paper", "Tools", "Motors", "Hotels", "Farms", "Labs", "Travel", "Schools", "Optics"]
PLEAS = [
    "Please note that {firm} owes us {amount} EUR since {day}.",
    "{firm} called on {day}: the invoice over {amount} EUR is wrong.",
    "Good news, {firm} ordered for {amount} EUR, delivery on {day}.",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
Row = dict[str, object]


class Silent:
    """Ports that tell nobody."""

    def progress(self, step: str, done: int, of: int) -> None:
        """Say nothing."""


def row_of(row_id: str, asked: str, ideal: str, **tags: str) -> Row:
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": ideal}]
    return {"id": row_id, "messages": messages, "metadata": tags}


def mails(count: int = 240, seed: int = 1) -> list[Row]:
    """Different mails from few templates, three per customer at most, in two kinds."""
    rng = Random(seed)
    rows = []
    for number in range(count):
        firm = f"{rng.choice(FIRST)}{rng.choice(FIRST).lower()} {rng.choice(SECOND)}"
        amount, day, kind = rng.randrange(1_000, 99_999), rng.choice(DAYS), rng.randrange(3)
        asked = PLEAS[kind].format(firm=firm, amount=amount, day=day)
        ideal = json.dumps({"name": "note", "arguments": {"firm": firm, "amount": str(amount), "day": day}})
        rows.append(row_of(f"m{number}", asked, ideal, kind=f"k{kind}", customer=f"c{number // 3}"))
    return rows


def lines(rows: Sequence[Row]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


@dataclass(frozen=True)
class Built:
    """A snapshot with its rows read back from its files."""

    result: DataResult
    rows: Mapping[Split, list[Example]]
    preferences: Mapping[Split, list[Example]]
    dropped: list[dict[str, str]]

    @property
    def everything(self) -> str:
        """All text that came out."""
        rows = [row.model_dump_json() for split in SPLITS for row in (*self.rows[split], *self.preferences[split])]
        return "\n".join([self.result.model_dump_json(), *rows, json.dumps(self.dropped), self.result.card.markdown()])


def read_back(result: DataResult) -> Built:
    rows: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    preferences: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for part in result.parts:
        batches = pq.read_table(result.folder / part.name).to_batches()
        found = [row for batch in batches for row in examples_of_parquet(batch)]
        assert len(found) == part.rows
        (rows if part.holds == "answers" else preferences)[part.split] += found
    dropped = pq.read_table(result.folder / "dropped.parquet").to_pylist()
    return Built(result, rows, preferences, dropped)


@pytest.fixture
def build(config: Config, tmp_path: Path) -> Build:
    def make(
        rows: Sequence[Row] | bytes,
        *,
        frozen: GoldSet | None = None,
        chosen: DataConfig | None = None,
        gold: Sequence[Row] | None = None,
        **more: object,
    ) -> Built:
        settings = chosen or config()
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        content = rows if isinstance(rows, bytes) else lines(rows)
        (folder / "mails.jsonl").write_bytes(content)
        for name, others in (more.pop("more", None) or {}).items():  # type: ignore[attr-defined]
            (folder / name).write_bytes(lines(others))
        files = [source_file(section, folder) for section in settings.sources]
        of_gold = gold_source(settings)
        if gold is not None and of_gold is not None:
            (folder / of_gold.path).write_bytes(lines(gold))
            more["gold_file"] = source_file(of_gold, folder)
        result = run(
            Silent(), settings, files, project="p", salt="pepper", frozen_gold=frozen, folder=folder / "work",
            executor=Here(), **more,
        )  # type: ignore[arg-type]  # fmt: skip
        return read_back(result)

    return make


def source_file(section: SourceConfig, folder: Path) -> SourceFile:
    return SourceFile(path=section.path, folder=folder, file_digest=source_digest(section, folder), config=section)


def every_id(built: Built) -> list[str]:
    kept = [row.id for kind in (built.rows, built.preferences) for rows in kind.values() for row in rows]
    return [*kept, *[row["id"] for row in built.dropped]]


def copy_of(row: Example, row_id: str, asked: str) -> Row:
    return row_of(row_id, asked, row.ideal, kind="k0", customer=f"new-{row_id}")


def test_every_row_ends_in_one_split_or_is_dropped_with_a_reason(build: Build) -> None:
    noise = [row_of("blank", "", "x", kind="k0"), {**mails()[5], "id": "again"}]
    rows = [*mails(), *noise]
    built = build(rows)
    manifest = built.result.manifest
    assert sorted(every_id(built)) == sorted(str(row["id"]) for row in rows)
    assert manifest.rows_in == len(rows) == sum(manifest.splits.values()) + sum(manifest.dropped.values())
    assert manifest.dropped["empty_question"] == 1
    assert manifest.dropped["exact_duplicate"] == 1


def test_no_customer_is_on_two_sides(build: Build) -> None:
    sides = [{row.group for row in rows} for rows in build(mails()).rows.values()]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def fix(row_id: str, asked: str, draft: str, edited: str, **tags: str) -> Row:
    return {"id": row_id, "messages": [{"role": "user", "content": asked}], "draft": draft, "edited": edited,
            "metadata": {"kind": "k0", **tags}}  # fmt: skip


def fixes(count: int = 60) -> list[Row]:
    """What people made of drafts about different firms."""
    rows = mails(count, seed=7)
    told = [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in rows]  # type: ignore[index]
    return [
        fix(f"f{n}", asked, f"I do not know {n}.", ideal, customer=f"f{n}") for n, (asked, ideal) in enumerate(told)
    ]


def fixed(config: Config, use: str = "both", **more: object) -> DataConfig:
    source = {"path": "mails.jsonl", "format": "human_fix", "lawful_basis": "contract", "preferences": use}
    return config(sources=[source], gold={"size": 10}, **more)


def test_a_human_fix_is_a_row_and_a_preference_that_stay_in_one_split(build: Build, config: Config) -> None:
    built = build(fixes(), chosen=fixed(config))
    manifest = built.result.manifest
    assert manifest.rows_in == 120 == built.result.card.kept + sum(manifest.dropped.values())
    for split in ("train", "validation"):
        answers, pairs = ({row.id for row in kind[split]} for kind in (built.rows, built.preferences))
        assert pairs == {f"{row}~preference" for row in answers}
    assert built.preferences["test"] == []
    assert manifest.dropped == {"group_in_gold": len(built.rows["test"])}
    said = {each.id: each for each in map(Preference.of, built.preferences["train"])}
    row = built.rows["train"][0]
    assert (row.rejected, row.liked) == (None, None)
    assert said[f"{row.id}~preference"].chosen == row.ideal
    assert (said[f"{row.id}~preference"].rejected or "").startswith("I do not know ")
    assert built.result.card.preferences["pairs"]["train"] == len(built.rows["train"])


def test_the_same_fixes_give_the_same_snapshot_with_their_gold_set_frozen(build: Build, config: Config) -> None:
    first = build(fixes(), chosen=fixed(config)).result
    assert build(fixes(), chosen=fixed(config), frozen=first.gold).result.manifest == first.manifest


@pytest.mark.parametrize(("use", "answers", "pairs"), [("alone", 0, 1), ("off", 1, 0), ("both", 1, 1)])
def test_what_a_preference_teaches_is_the_project_s_choice(
    build: Build, config: Config, use: str, answers: int, pairs: int
) -> None:
    other = {"path": "fixes.jsonl", "format": "human_fix", "lawful_basis": "contract", "preferences": use}
    both = config(sources=[{"path": "mails.jsonl", "format": "chat", "lawful_basis": "contract"}, other])
    built = build(
        mails(), chosen=both, more={"fixes.jsonl": [fix("f", "Is it late?", "No idea 5.", "It comes on Monday 5.")]}
    )
    assert sum(row.id == "f" for rows in built.rows.values() for row in rows) == answers
    assert [row.id for rows in built.preferences.values() for row in rows] == ["f~preference"] * pairs


def judged(row_id: str, asked: str, answer: str, label: bool) -> Row:
    return {"id": row_id, "prompt": asked, "completion": answer, "label": label, "kind": "k0"}


def test_an_unwanted_answer_is_judged_and_never_learned_by_itself(build: Build, config: Config) -> None:
    plain, kto = ({"path": f"{name}.jsonl", "lawful_basis": "contract"} for name in ("mails", "kto"))
    rows = [judged("good", "What of the red boat 71?", "It sails 71.", True),
            judged("bad", "What of the blue tram 72?", "Who cares 72.", False)]  # fmt: skip
    built = build(mails(), chosen=config(sources=[plain, kto]), more={"kto.jsonl": rows})
    learned = {row.id for kind in built.rows.values() for row in kind}
    said = {row.id: Preference.of(row) for kind in built.preferences.values() for row in kind}
    assert "good" in learned
    assert "bad" not in learned
    assert (said["good~preference"].chosen, said["good~preference"].rejected) == ("It sails 71.", None)
    assert (said["bad~preference"].chosen, said["bad~preference"].rejected) == (None, "Who cares 72.")
    off = build(mails(), chosen=config(sources=[plain, kto | {"preferences": "off"}]), more={"kto.jsonl": rows})
    assert {(row["id"], row["reason"]) for row in off.dropped} == {("bad", "unwanted_answer")}


def test_preferences_about_one_question_keep_together_and_repeat_only_what_prefers_the_same(
    build: Build, config: Config
) -> None:
    dpo = {"path": "dpo.jsonl", "format": "preference", "lawful_basis": "contract", "preferences": "alone"}
    chosen = config(sources=[{"path": "mails.jsonl", "lawful_basis": "contract"}, dpo])
    ranked = [
        {"id": f"p{n}-{a}{b}", "prompt": f"Which of the {n} ferries 9{n} leaves?", "chosen": f"ferry {a} of {n}",
         "rejected": f"ferry {b} of {n}"}
        for n in range(30) for a, b in ((1, 2), (1, 3), (2, 3))
    ]  # fmt: skip
    again = {**ranked[0], "id": "again"}
    built = build(mails(), chosen=chosen, more={"dpo.jsonl": [*ranked, again]})
    sides = [{row.id.split("-")[0] for row in rows} for rows in built.preferences.values()]
    assert sum(map(len, sides)) == 30
    assert sum(map(len, built.preferences.values())) == 90
    assert {(row["id"], row["reason"]) for row in built.dropped} == {("again~preference", "exact_duplicate")}


def test_preferences_that_oppose_each_other_are_refused_by_name(build: Build, config: Config) -> None:
    dpo = {"path": "dpo.jsonl", "format": "preference", "lawful_basis": "contract", "preferences": "alone"}
    chosen = config(sources=[{"path": "mails.jsonl", "lawful_basis": "contract"}, dpo])
    one = {"id": "one", "prompt": "Which way 44?", "chosen": "Left, said Ann.", "rejected": "Right, said Bob."}
    other = {**one, "id": "other", "chosen": one["rejected"], "rejected": one["chosen"]}
    with pytest.raises(
        Refused, match="one~preference and other~preference: one prefers the answer that the other rejects"
    ):
        build(mails(), chosen=chosen, more={"dpo.jsonl": [one, other]})


def test_a_pair_of_equal_answers_prefers_nothing_and_is_counted(build: Build, config: Config) -> None:
    dpo = {"path": "dpo.jsonl", "format": "preference", "lawful_basis": "contract"}
    chosen = config(sources=[{"path": "mails.jsonl", "lawful_basis": "contract"}, dpo])
    same = {"id": "s", "prompt": "Which way 45?", "chosen": "Left 45.", "rejected": "left  45."}
    built = build(mails(), chosen=chosen, more={"dpo.jsonl": [same]})
    assert [(row["id"], row["reason"]) for row in built.dropped] == [("s~preference", "equal_answers")]
    assert "s" in {row.id for rows in built.rows.values() for row in rows}


def test_a_preference_about_a_gold_question_is_refused_as_a_leak(build: Build, config: Config) -> None:
    gold = build(mails()).result.gold
    asked = gold.examples[0].asked
    dpo = {"path": "dpo.jsonl", "format": "preference", "lawful_basis": "contract", "preferences": "alone"}
    chosen = config(sources=[{"path": "mails.jsonl", "lawful_basis": "contract"}, dpo])
    leak = {"id": "leak", "prompt": asked, "chosen": "Yes, with pleasure 5.", "rejected": "No, never 6."}
    with pytest.raises(Refused, match="leak~preference repeats gold row"):
        build(mails(), chosen=chosen, frozen=gold, more={"dpo.jsonl": [leak]})


def test_the_rejected_answer_is_cleaned_and_cleared_as_the_chosen_one(build: Build, config: Config) -> None:
    source = {"path": "fix.jsonl", "format": "human_fix", "lawful_basis": "contract"}
    chosen = config(sources=[{"path": "mails.jsonl", "lawful_basis": "contract"}, source],
                    clean={"mark_up": True}, pii=NAMES_CLEARED | {"action": "mask"})  # fmt: skip
    draft = "<p>Write to <b>anna.private@firm.example</b> about 46.</p>"
    told = build(
        mails(), chosen=chosen, more={"fix.jsonl": [fix("x", "Whom do I ask about 46?", draft, "Ask the desk, 46.")]}
    )
    (row,) = [row for rows in told.preferences.values() for row in rows]
    assert row.rejected == "Write to <EMAIL_ADDRESS> about 46."


def test_whoever_withdraws_a_row_by_its_id_takes_its_preference_along(build: Build, config: Config) -> None:
    built = build(
        fixes(), chosen=fixed(config), erased=[person_key("f3", "pepper"), person_key("f4~preference", "pepper")]
    )
    gone = {row["id"] for row in built.dropped if row["reason"] == "erased"}
    assert gone == {"f3", "f4~preference"}
    assert "f3~preference" not in every_id(built)


def test_the_same_inputs_give_the_same_snapshot_also_with_the_gold_set_frozen(build: Build) -> None:
    rows = [*mails(), {**mails()[7], "id": "again"}]
    first = build(rows).result
    assert build(rows).result.manifest == first.manifest
    assert build(rows, frozen=first.gold).result.manifest == first.manifest


def test_another_seed_draws_another_gold_set_and_a_frozen_one_stays(build: Build, config: Config) -> None:
    first = build(mails()).result
    assert build(mails(), chosen=config(seed=1)).result.gold != first.gold
    assert build(mails(), chosen=config(seed=1), frozen=first.gold).result.gold == first.gold


def test_new_rows_of_a_gold_customer_stay_out_of_training(build: Build) -> None:
    gold = build(mails()).result.gold
    new = row_of("late", "Zebra Canvas asks for 4711 flags in crimson", '{"name": "flags"}', kind="k0",
                 customer=str(gold.examples[0].group))  # fmt: skip
    built = build([*mails(), new], frozen=gold)
    assert ("late", "group_in_gold") in {(row["id"], row["reason"]) for row in built.dropped}


def plants(gold: tuple[Example, ...]) -> list[Row]:
    rng = Random(2)
    rows = []
    for number, row in enumerate(rng.sample(gold, 20)):
        words = row.asked.split(" ")
        spot = rng.randrange(len(words) - 1)
        swapped = [*words[:spot], words[spot + 1], words[spot], *words[spot + 2 :]]
        edits = [row.asked, row.asked.upper(), row.asked.replace(" ", "  "), " ".join(swapped)]
        rows += [copy_of(row, f"plant-{number}-{k}", asked) for k, asked in enumerate(edits)]
    return rows


def test_every_planted_copy_of_a_gold_row_is_named_and_no_other_row_is(build: Build) -> None:
    first = build(mails()).result
    planted = plants(first.gold.examples)
    with pytest.raises(Refused) as told:
        build([*mails(), *planted], frozen=first.gold)
    named = set(re.findall(r"\n  (\S+) repeats gold row", str(told.value)))
    assert named == {str(row["id"]) for row in planted}
    assert told.value.exit_code == 3


def test_a_single_paraphrase_with_the_same_answer_is_refused(build: Build) -> None:
    first = build(mails()).result
    row = next(row for row in first.gold.examples if row.strata["kind"] == "k0")
    told = json.loads(row.ideal)["arguments"]
    asked = f"{told['firm']} have not paid: {told['amount']} EUR, due {told['day']}"
    with pytest.raises(Refused, match="the-paraphrase"):
        build([*mails(), copy_of(row, "the-paraphrase", asked)], frozen=first.gold)


def test_a_gold_id_with_another_text_is_refused(build: Build) -> None:
    first = build(mails()).result
    taken = first.gold.examples[0].id
    changed = [{**row, "messages": row_of("", "other", "text")["messages"]} if row["id"] == taken else row
               for row in mails()]  # fmt: skip
    with pytest.raises(Refused, match=taken):
        build(changed, frozen=first.gold)


def test_a_gold_file_is_the_test_split_and_what_repeats_it_is_refused(build: Build, config: Config) -> None:
    chosen = config(gold={"path": "gold.jsonl", "stratify_by": ["kind"]})
    own = [{**row, "id": f"g{number}"} for number, row in enumerate(mails(20, seed=9))]
    result = build(mails(), chosen=chosen, gold=own).result
    assert [row.id for row in result.gold.examples] == [row["id"] for row in own]
    assert result.manifest.rows_in == 260
    assert build(mails(), chosen=chosen, frozen=result.gold).result.manifest == result.manifest
    with pytest.raises(Refused, match="leak"):
        build([*mails(), {**own[3], "id": "leak"}], chosen=chosen, gold=own)


def test_contradictions_block_by_name_or_are_both_left_out(build: Build, config: Config) -> None:
    rows = mails()
    (asked, _) = rows[3]["messages"]  # type: ignore[misc]
    rows.append(row_of("conflict", asked["content"], '{"name": "other"}', kind="k0", customer="c-new"))
    with pytest.raises(Refused, match="m3 and conflict"):
        build(rows)
    dropped = build(rows, chosen=config(contradictions="drop")).dropped
    assert {row["id"] for row in dropped if row["reason"] == "contradiction"} == {"m3", "conflict"}


SECRETS = ["anna.private@firm.example", "4111 1111 1111 1111", "DE89370400440532013000", "+44 20 7946 0123"]


def with_secrets() -> list[Row]:
    rows = mails()
    for number, secret in enumerate(SECRETS):
        row = row_of(f"s-{secret}", f"Note for file {number}77: {secret}", f"noted {number}77", note=secret,
                     customer=f"cust {secret}", subject=secret)  # fmt: skip
        rows += [row, row_of(f"blank {secret}", "", "x", subject=secret)]
    return rows


@pytest.mark.parametrize("action", ["mask", "hash", "replace"])
def test_no_secret_is_left_in_anything_that_comes_out(build: Build, config: Config, action: str) -> None:
    built = build(with_secrets(), chosen=config(pii=NAMES_CLEARED | {"action": action}))
    assert [secret for secret in SECRETS if secret in built.everything] == []
    assert built.result.masked["EMAIL_ADDRESS"] >= 1


FIFTY = [
    *(f"sk-live-{number:04x}9f86d081884c7d65" for number in range(10)),
    *(f"AKIAIOSFODNN7EX{number:05d}" for number in range(10)),
    *(f"ghp_16C7e42F292c6912E7710c838347Ae{number:04d}" for number in range(10)),
    *(f"casey.{number}@planted.example" for number in range(10)),
    *(f"xoxb-17653672481-planted-{number:03d}" for number in range(10)),
]
TICKETS = [
    "Ticket {n}77: the job fails, I used {secret} as always.",
    '{{"ticket": "{n}77", "log": "auth={secret} status=401"}}',
    "| id | value |\n|---|---|\n| {n}77 | {secret} |",
    "From: desk {n}77\nX-Key: {secret}\n\nIt is broken.",
    "2026-01-0{d} 10:00:00 ERROR [{n}77] refused {hidden} (403)",
]


def planted() -> list[Row]:
    """Raw tickets in five forms with one secret each; the last form hides it behind invisible characters."""
    rows = mails()
    for n, secret in enumerate(FIFTY):
        hidden = secret[:5] + "\u200b" + secret[5:]
        text = TICKETS[n % 5].format(n=n, d=n % 9 + 1, secret=secret, hidden=hidden)
        rows.append(row_of(f"t{n}", text, f"answered {n}77 about {secret}", customer=f"t{n}"))
    return rows


def test_fifty_planted_secrets_come_out_nowhere_and_with_the_filter_off_they_do(build: Build, config: Config) -> None:
    cleared = build(planted()).everything.replace("\u200b", "")
    assert [secret for secret in FIFTY if secret in cleared] == []
    off = {"action": "off", "cleared_by": "legal@firm", "reason": "own servers only"}
    left = build(planted(), chosen=config(pii=off)).everything
    assert all(secret in left for secret in FIFTY)


def test_names_are_masked_unless_somebody_cleared_them(build: Build, config: Config) -> None:
    row = row_of("n1", "Dear Mr. Johnson, my name is Emily Carter and I live in Chicago.", "Noted 9.", customer="n")
    kept = build([*mails(), row]).everything
    masked = build([*mails(), row], chosen=config(pii={"action": "mask"}, contradictions="drop")).everything
    assert "Emily Carter" in kept
    assert "Emily" not in masked
    assert "Chicago" not in masked


def test_with_the_filter_off_the_secrets_are_there_and_the_card_says_by_whose_leave(
    build: Build, config: Config
) -> None:
    off = {"action": "off", "cleared_by": "legal@firm", "reason": "own servers only"}
    built = build(with_secrets(), chosen=config(pii=off))
    assert all(secret in built.everything for secret in SECRETS)
    assert "cleared by legal@firm: own servers only" in built.result.card.markdown()


def test_erased_subjects_and_rows_past_their_retention_are_left_out(build: Build, config: Config) -> None:
    source = {"path": "mails.jsonl", "format": "chat", "lawful_basis": "consent", "retention_days": 30}
    old = row_of("old", "An old remark 12", "a", date="2026-01-31")
    fresh = row_of("fresh", "A fresh remark 34", "b", date="2026-02-01T10:00:00+00:00")
    gone = row_of("gone", "Somebody's remark 56", "c", subject="person-9")
    built = build(
        [*mails(), old, fresh, gone],
        chosen=config(sources=[source]),
        erased=[person_key("person-9", "pepper")],
        today=date(2026, 3, 3),
    )
    reasons = {row["id"]: row["reason"] for row in built.dropped}
    assert (reasons["old"], reasons["gone"]) == ("retention_over", "erased")
    assert "fresh" not in reasons


def test_a_gold_set_larger_than_the_data_and_an_unknown_tag_are_refused(build: Build, config: Config) -> None:
    with pytest.raises(UserError, match="only"):
        build(mails(40), chosen=config(gold={"size": 60}))
    with pytest.raises(UserError, match="'colour'"):
        build(mails(), chosen=config(gold={"size": 10, "stratify_by": ["colour"]}))


def test_a_broken_line_7_keeps_nothing_and_says_where(build: Build) -> None:
    content = lines(mails()).split(b"\n")
    content[6] = b'{"messages": ['
    with pytest.raises(Faults, match=r"mails\.jsonl:7: "):
        build(b"\n".join(content))


def test_every_broken_line_is_told_at_once_and_none_is_quoted(build: Build) -> None:
    content = lines(mails()).split(b"\n")
    broken = [
        b'{"messages": "anna@firm.example',
        b"[1]",
        b'\xff{"messages": []}',
        b'{"prompt": "anna"}',
        b'{"messages": [',
    ]
    content[6:6] = broken
    with pytest.raises(Faults) as told:
        build(b"\n".join(content))
    assert [fault.split(": ")[0] for fault in told.value.faults] == [f"mails.jsonl:{line}" for line in range(7, 12)]
    assert "anna" not in str(told.value)
    assert told.value.exit_code == 2


def test_an_id_used_twice_is_a_fault_that_names_both_lines(build: Build) -> None:
    rows = mails()
    with pytest.raises(Faults, match=r"mails\.jsonl:241: the id was used before, at mails\.jsonl:3"):
        build([*rows, {**rows[9], "id": rows[2]["id"]}])


def test_row_digests_need_the_salt_and_the_card_tells_every_figure(build: Build) -> None:
    built = build(mails())
    result, kept = built.result, [row for rows in built.rows.values() for row in rows]
    listed = pq.read_table(result.folder / "rows.parquet").to_pylist()
    digests = {row.id: digest_of_bytes(b"pepper" + canonical_json(row.model_dump(mode="json"))) for row in kept}
    assert {row["id"]: row["row_digest"] for row in listed} == digests
    assert digest_of_bytes((result.folder / "rows.parquet").read_bytes()) == result.manifest.rows
    page = result.card.markdown()
    for told in (result.manifest.digest, result.gold.digest, "| test | ", "kind=k0", "contract", "240 rows in"):
        assert told in page


def test_an_entity_that_nobody_knows_is_refused_before_anything_is_read(build: Build, config: Config) -> None:
    with pytest.raises(UnknownName, match="UK_NSH") as refused:
        build(b"{broken", chosen=config(pii=NAMES_CLEARED | {"alone": ["UK_NSH"]}))
    assert "UK_NHS" in refused.value.hint
