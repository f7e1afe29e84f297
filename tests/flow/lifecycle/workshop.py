"""A project on a tiny random model, walked up to its first training run in seconds: for tests of experiments."""

import json
import random
from pathlib import Path

from tests.flow.lifecycle.play import BEGINNING, Project
from tests.unit.train.tiny import TOOLS, make_base

SETTINGS = """
project: lab
charter:
  problem: Classify each internal note by the department that it is for.
  kpis: [{name: exact_match, now: 0.2, target: "> 0.9", owner: back-office}]
  kill_criterion: {metric: exact_match, must_reach: "> 0.5", within_weeks: 8}
models: {base: {engine: local, id: base}}
data:
  sources: [{path: notes.jsonl, format: chat, lawful_basis: contract, retention_days: 365}]
  pii: {ner: "off", cleared_by: tests, reason: The notes are made up of syllables.}
  gold: {size: 24}
  split: {validation: 0.15}
variants:
  prompt: {model: base, prompt: prompt.md, decoding: {max_tokens: 6}}
  tuned:  {model: base, prompt: prompt.md, adapter: train, decoding: {max_tokens: 6}}
assess: {min_rows_asked: 20, min_training_rows: 100}
train: {adapter: {rank: 4}, batch_size: 16, epochs: 1, evaluate_every_epochs: 0.5, learning_rate: 0.003}
evaluation:
  benchmarks: [{name: notes, metrics: [exact_match, f1]}]
  production_release:
    {approvers: [head-of-back-office], primary_metric: exact_match, minimum_rows: 200, candidate: tuned}
"""
SOURCE = "{path: notes.jsonl, format: chat, lawful_basis: contract, retention_days: 365}"
PAIRS = "{path: pairs.jsonl, lawful_basis: contract, retention_days: 365, preferences: alone}"
SYLLABLES = ("ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "pe", "ra", "si", "tu", "va", "wo", "xi", "zu")


def make_workshop(folder: Path, *, pairs: int = 0) -> Project:
    """The project as it stands once its baseline is measured, tuning is allowed and nothing is trained.

    With `pairs` a second source says of so many notes which of two departments people prefer.
    """
    folder.mkdir(parents=True)
    make_base(folder / "base")
    (folder / "luthier.yaml").write_text(SETTINGS.replace(SOURCE, f"{SOURCE}, {PAIRS}") if pairs else SETTINGS)
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in _pairs(pairs)))
    (folder / "prompt.md").write_text("Name the department.\n")
    (folder / "keys.json").write_text("{}")
    (folder / "notes.jsonl").write_text("".join(json.dumps({"messages": note}) + "\n" for note in _notes(240)))
    project = Project(folder)
    project.set_clock(BEGINNING)
    walk = [
        project.luthier("run"),  # waits for reviewers
        project.luthier("review", "simulate"),
        project.luthier("run"),  # waits for the approval of the baseline
        project.luthier("assess", "override", "tune", "--reason", "The tests are about tuning."),
    ]
    with project.opened() as work:
        assert work.latest("assess"), walk
        assert work.latest("evaluate", "prompt/notes"), walk
        assert work.store.releases.all(work.project), walk
    return project


def _pairs(count: int) -> list[dict[str, object]]:
    """A note, its department, and another one."""
    draws = random.Random(9)
    found: list[dict[str, object]] = []
    for question, answer in _notes(count, seed=9):
        wrong = draws.choice([name for name in TOOLS.values() if name != answer["content"]])
        rejected = [{"role": "assistant", "content": wrong}]
        found.append({"prompt": [question], "chosen": [answer], "rejected": rejected})
    return found


def _notes(count: int, *, seed: int = 5) -> list[list[dict[str, str]]]:
    """A key word among words that no other note has; the answer is the department of the key word."""
    draws = random.Random(seed)
    notes = []
    for _ in range(count):
        key = draws.choice(list(TOOLS))
        words = ["".join(draws.choices(SYLLABLES, k=3)) for _ in range(5)]
        words.insert(draws.randint(0, 5), key)
        turns = [("user", " ".join(words)), ("assistant", TOOLS[key])]
        notes.append([{"role": role, "content": content} for role, content in turns])
    return notes
