"""What the base model reads: prose and dialogues from `shared/data`, and drills made on the fly."""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.base import drills
from models.base.tokenizer import END_OF_TEXT, SPECIAL_TOKENS, TURN_END, TURN_START, token_id, word_pieces
from models.base.words import Words

BOOK_CHARACTERS = 70_000
PROSE_WEIGHT, CHAT_PROMPT_WEIGHT, CHAT_ANSWER_WEIGHT = 0.35, 0.05, 0.4
DRILL_WEIGHT, SHOT_WEIGHT = 1.0, 0.15  # the worked examples of a few-shot drill are copies too, but for their keys
PROSE_ROW_SHARE = 0.15
TEXT_SHARE = 0.45
ECHO_TOKENS = (6, 45)
SPECIAL_COUNT = len(SPECIAL_TOKENS)
PARTS = ("prose", "chat", "echo", *drills.KINDS)


@dataclass(frozen=True)
class Document:
    """A text, or a dialogue whose assistant turns are its answers."""

    text: str = ""
    turns: tuple[drills.Message, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """Token ids with, for each, how much the loss counts it when it is the target."""

    part: str
    ids: list[int]
    weights: list[float]


@dataclass(frozen=True)
class Rows:
    """A batch: ids of shape [rows, length + 1], target weights and part numbers of shape [rows, length]."""

    ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    parts: NDArray[np.int64]


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSON Lines file, gzipped or not."""
    raw = path.read_bytes()
    for line in (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines():
        yield json.loads(line)


def books(data: Path) -> Iterator[Document]:
    """A stretch of each public-domain book, past its title page."""
    for book in read_jsonl(data / "books" / "books.jsonl.gz"):
        text = re.sub(r"[ \t]+", " ", book["text"].split("-------", 1)[-1])
        text = re.sub(r"\n{3,}", "\n\n", text.replace("__", ""))
        for start in range(2000, 2000 + BOOK_CHARACTERS, 3500):
            if piece := text[start : start + 3500].partition(" ")[2]:
                yield Document(piece)


def star_dialogues(data: Path) -> Iterator[Document]:
    """Support dialogues with an even id; the odd ones are left for demos and tests."""
    for dialogue in read_jsonl(data / "star" / "dialogues.jsonl.gz"):
        if dialogue["DialogueID"] % 2:
            continue
        turns: list[drills.Message] = []
        for event in dialogue["Events"]:
            role = {"User": "user", "Wizard": "assistant"}.get(event["Agent"])
            if role is None or event["Action"] not in ("utter", "pick_suggestion"):
                continue
            if turns and turns[-1]["role"] == role:
                turns[-1]["content"] += " " + event["Text"].strip()
            elif turns or role == "user":
                turns.append({"role": role, "content": event["Text"].strip()})
        if len(turns) > 1:
            yield Document(turns=tuple(turns))


def asked(question: str, answer: str) -> Document:
    """A question and its answer as a dialogue of two turns."""
    return Document(turns=({"role": "user", "content": question}, {"role": "assistant", "content": answer}))


def questions(data: Path) -> Iterator[Document]:
    """Medical questions with the start of their answers, school maths, written instructions."""
    for place, row in enumerate(read_jsonl(data / "medquad" / "qa.jsonl.gz")):
        if place % 4 == 0 and row["answer"]:
            yield asked(row["question"], re.sub(r"\s+", " ", row["answer"])[:600].strip())
    for place, row in enumerate(read_jsonl(data / "gsm8k" / "train.jsonl")):
        if place % 4 == 0:
            yield asked(row["question"], re.sub(r"<<.*?>>", "", row["answer"]))
    for name in ("seed_tasks.jsonl", "user_oriented_instructions.jsonl"):
        for row in read_jsonl(data / "self_instruct" / name):
            for case in row["instances"]:
                yield asked(f"{row['instruction']}\n{case['input']}".strip(), case["output"])


def policies(data: Path) -> Iterator[Document]:
    """Handbook and policy pages, without their front matter."""
    for folder in ("handbook_18f/pages", "basecamp_policies"):
        for page in sorted((data / folder).rglob("*.md")):
            text = re.sub(r"\A---.*?---\s*", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
            for start in range(0, len(text), 3500):
                yield Document(text[start : start + 3500])


def documents(data: Path, seed: int = 0) -> list[Document]:
    """All that is read besides drills, in a shuffled order that `seed` fixes."""
    found = [*books(data), *star_dialogues(data), *questions(data), *policies(data)]
    Random(seed).shuffle(found)
    return found


def phrases(found: Sequence[Document], seed: int = 0, most: int = 60_000) -> list[str]:
    """Runs of seven lower-case words from the prose, the raw material of titles and phrases."""
    random = Random(seed)
    runs: list[str] = []
    for document in found:
        if not document.text:
            continue
        words = re.findall(r"[a-z]+(?:'[a-z]+)?", document.text.lower())
        for start in range(random.randint(0, 7), len(words) - 7, 14):
            runs.append(" ".join(words[start : start + 7]))
    random.shuffle(runs)
    return runs[:most]


def training_texts(found: Sequence[Document], runs: Sequence[str], seed: int = 0) -> Iterator[str]:
    """What the tokenizer learns its merges from: the documents, and drills for the JSON scaffolding."""
    for document in found:
        yield document.text or "\n".join(turn["content"] for turn in document.turns)
    words = Words(Random(seed), ["a"], runs)
    for _ in range(4000):
        made = drills.make(words)
        yield "\n".join(message["content"] for message in made.messages)


class Encoder:
    """Turns texts and exchanges into ids and loss weights."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.end, self.open, self.close = (token_id(tokenizer, token) for token in (END_OF_TEXT, TURN_START, TURN_END))
        self.newline, self.space = tokenizer.encode("\n").ids[0], tokenizer.encode(" ").ids[0]

    def text(self, text: str) -> Encoded:
        """A plain text, all of it counted a little."""
        ids = [*self.tokenizer.encode(text).ids, self.end]
        return Encoded("prose", ids, [PROSE_WEIGHT] * len(ids))

    def chat(self, part: str, turns: Sequence[drills.Message], *, is_drill: bool) -> Encoded:
        """An exchange; of a drill the answers count, the last one fully, of a dialogue also a little of the rest."""
        ids: list[int] = []
        weights: list[float] = []
        for place, turn in enumerate(turns):
            is_last = place == len(turns) - 1
            high = (DRILL_WEIGHT if is_last else SHOT_WEIGHT) if is_drill else CHAT_ANSWER_WEIGHT
            low = 0.0 if is_drill else CHAT_PROMPT_WEIGHT
            answered = turn["role"] == "assistant"
            head = [self.open, *self.tokenizer.encode(turn["role"]).ids, self.newline]
            body = [*self.tokenizer.encode(turn["content"]).ids, self.close]
            ids += [*head, *body, self.newline]
            weights += [0.0] * len(head) + [high if answered else low] * len(body) + [0.0]
        return Encoded(part, ids, weights)

    def echo(self, random: Random) -> Encoded:
        """A run of arbitrary tokens, then the same run again, which alone counts: copying and nothing else."""
        run = random.choices(range(SPECIAL_COUNT, self.tokenizer.get_vocab_size()), k=random.randint(*ECHO_TOKENS))
        if random.random() < 0.5:
            run = [token for each in run[: len(run) // 2 + 1] for token in (each, self.space)]
        ids = [*run, self.newline, *run, self.end]
        return Encoded("echo", ids, [0.0] * (len(run) + 2) + [1.0] * (len(run) - 1) + [0.0])

    def document(self, document: Document) -> Encoded:
        """A document of either shape."""
        return self.chat("chat", document.turns, is_drill=False) if document.turns else self.text(document.text)


class Mixture:
    """Batches of prose rows and drill rows; the same step of the same seed gives the same batch."""

    def __init__(self, encoder: Encoder, found: Sequence[Document], runs: Sequence[str], seed: int = 0) -> None:
        self.encoder, self.runs, self.seed = encoder, runs, seed
        self.pieces = word_pieces(encoder.tokenizer)
        self.texts = [document for document in found if document.text]
        self.chats = [document for document in found if document.turns]

    def rows(self, step: int, count: int, length: int, echo_share: float = 0.0) -> Rows:
        """`count` rows of `length` targets each, of which about `echo_share` hold nothing but echoes."""
        random = Random(f"{self.seed}-{step}")
        words = Words(random, self.pieces, self.runs, room_tokens=length)
        made = [self._row(words, length + 1, is_echo=random.random() < echo_share) for _ in range(count)]
        ids, weights, parts = (np.array([row[field] for row in made]) for field in range(3))
        return Rows(ids.astype(np.int64), weights[:, 1:].astype(np.float32), parts[:, 1:].astype(np.int64))

    def _row(self, words: Words, size: int, *, is_echo: bool) -> tuple[list[int], list[float], list[int]]:
        """One packed row: documents end to end, or whole drills with prose behind the last that fits."""
        ids: list[int] = []
        weights: list[float] = []
        parts: list[int] = []
        takes_drills, misses = words.random.random() >= PROSE_ROW_SHARE, 0
        while len(ids) < size:
            if is_echo:
                piece = self.encoder.echo(words.random)
            elif takes_drills and misses < 3:
                drill = drills.make(words)
                piece = self.encoder.chat(drill.kind, drill.messages, is_drill=True)
                if len(ids) + len(piece.ids) > size:
                    misses += 1
                    continue
            else:
                shelf = self.texts if words.random.random() < TEXT_SHARE else self.chats
                piece = self.encoder.document(words.random.choice(shelf))
            ids += piece.ids
            weights += piece.weights
            parts += [PARTS.index(piece.part)] * len(piece.ids)
        return ids[:size], weights[:size], parts[:size]
