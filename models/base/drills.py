"""Generated exercises whose answer stands in their prompt: copying, extraction, lookup, formats.

Every drill is a ChatML exchange about made-up words. Only its last turn is answered for a loss, and each value in that
answer can be found in the prompt (`tests/unit/models` holds this as a law).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.base.words import FRAMES, LINKS, Words

TAG_MARKS = [*LINKS[:6], "by", "at", "near", "called", "into", "about", "under"]
SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")

Message = dict[str, str]
Arguments = dict[str, str]


@dataclass(frozen=True)
class Drill:
    """One exchange; the last message is the answer."""

    kind: str
    messages: tuple[Message, ...]

    @property
    def prompt(self) -> str:
        """Everything said before the answer."""
        return "\n".join(message["content"] for message in self.messages[:-1])

    @property
    def answer(self) -> str:
        """What the model should say."""
        return self.messages[-1]["content"]


@dataclass(frozen=True)
class Sentence:
    """A sentence and the values that were put into it, by key."""

    text: str
    values: Arguments


def drill(kind: str, question: str, answer: str, system: str = "") -> Drill:
    """An exchange of one question and one answer, after a system turn where there is one."""
    head = ({"role": "system", "content": system},) if system else ()
    turns = ({"role": "user", "content": question}, {"role": "assistant", "content": answer})
    return Drill(kind, head + turns)


def as_json(value: object) -> str:
    """The one spelling of JSON that every drill uses."""
    return json.dumps(value, ensure_ascii=False)


def fill(words: Words, frame: str, given: Mapping[str, str] | None = None) -> Sentence:
    """`frame` with each `{key:kind}` replaced by a value of that kind and each `{key}` by the given one."""
    values: Arguments = {}

    def put(match: re.Match[str]) -> str:
        key, kind = match.group(1), match.group(2)
        if kind is None and given is not None and key in given:
            return given[key]
        values[key] = words.value(kind or "name")
        return values[key]

    return Sentence(SLOT.sub(put, frame), values)


def remark(words: Words) -> str:
    """A sentence that has nothing to do with what is asked."""
    if words.random.random() < 0.5:
        return str(words.random.choice(FRAMES["fillers"])).capitalize()
    return " ".join(words.random.choice(words.phrases) for _ in range(words.random.randint(1, 2))).capitalize() + "."


def dressed(words: Words, text: str) -> str:
    """`text` as people send it: with a greeting, a closing line or a remark around it, sometimes capitalised."""
    random = words.random
    if random.random() < 0.3:
        text = text[:1].upper() + text[1:]
    if random.random() < 0.15:
        text = f"{remark(words)} {text}"
    if random.random() < 0.15:
        text = f"{text}. {remark(words)}"
    closer = fill(words, random.choice(FRAMES["closers"])).text
    return f"{random.choice(FRAMES['openers'])}{text}{closer}"


def call(words: Words, tool: str, arguments: Mapping[str, Any]) -> Sentence:
    """A tool call in JSON, and what the system turn must say when it is not spelt with `name` and `arguments`."""
    if words.random.random() < 0.85:
        return Sentence(as_json({"name": tool, "arguments": arguments}), {"hint": ""})
    name, inner = words.random.choice((("tool", "args"), ("action", "input"), (words.key(), words.key() + "s")))
    return Sentence(as_json({name: tool, inner: arguments}), {"hint": f'\nWrite {{"{name}": ..., "{inner}": {{...}}}}'})


def copy_span(words: Words) -> Drill:
    """The span between two marks, with other words around it."""
    random = words.random
    opening, closing = random.choice(FRAMES["copy_marks"])
    span = " ".join(words.value() for _ in range(random.randint(1, 3)))
    before, after = (" ".join(words.word() for _ in range(random.randint(0, 6))) for _ in range(2))
    ask = random.choice(FRAMES["copy_asks"]).format(open=opening.strip(), close=closing.strip())
    text = f"{before} {opening}{span}{closing} {after}".strip()
    return drill("copy", f"{ask}\n{text}" if random.random() < 0.5 else f"{text}\n{ask}", span)


def repeat(words: Words) -> Drill:
    """The whole line again."""
    length = words.random.choice((words.random.randint(2, 10), words.random.randint(8, 40)))
    line = " ".join(words.word() if words.random.random() < 0.7 else words.value() for _ in range(length))
    return drill("copy", words.random.choice(FRAMES["repeat_asks"]) + line, line)


def follow(words: Words) -> Drill:
    """The word that stands after a given one."""
    row = [words.word() for _ in range(words.random.randint(4, 14))]
    row = list(dict.fromkeys(row))
    place = words.random.randrange(len(row) - 1) if len(row) > 1 else 0
    row = row if len(row) > 1 else [*row, words.word() + "a"]
    ask = words.random.choice(FRAMES["follow_asks"]).format(word=row[place])
    return drill("copy", f"{' '.join(row)}\n{ask}", row[place + 1])


def tool_line(words: Words, tool: str, keys: Mapping[str, str]) -> str:
    """One line that says what a tool takes, in one of several notations."""
    style = words.random.random()
    if style < 0.4:
        return as_json({"name": tool, "parameters": dict(keys)})
    if style < 0.7:
        return f"{tool}({', '.join(keys)})"
    return f"- {tool}: {', '.join(keys)}"


def domain_call(words: Words) -> Drill:
    """A sentence from an everyday trade turned into a call; keys are the frame's own, absent ones are left out."""
    random = words.random
    domain = random.choice(FRAMES["domains"])
    sentence = fill(words, random.choice(domain["frames"]))
    other = fill(words, random.choice(domain["frames"])).values
    tool = random.choice((domain["name"], f"{domain['name']}_{words.word()}", words.tool()))
    keys = list(dict.fromkeys([*sentence.values, *other]))
    random.shuffle(keys)
    lines = [tool_line(words, tool, dict.fromkeys(keys, "string"))]
    system = f"{random.choice(FRAMES['systems'])}\n{lines[0]}".strip()
    arguments = {key: sentence.values[key] for key in keys if key in sentence.values}
    return drill("extract", dressed(words, sentence.text), as_json({"name": tool, "arguments": arguments}), system)


def two_calls(words: Words) -> Drill:
    """Two sentences from two trades turned into a list of two calls, in their order."""
    random = words.random
    domains = random.sample(FRAMES["domains"], 2)
    sentences = [fill(words, random.choice(domain["frames"])) for domain in domains]
    lines = [
        tool_line(words, d["name"], dict.fromkeys(s.values, "string")) for d, s in zip(domains, sentences, strict=True)
    ]
    random.shuffle(lines)
    calls = [{"name": d["name"], "arguments": s.values} for d, s in zip(domains, sentences, strict=True)]
    text = random.choice((". ", ", and ", ".\n", "; ")).join(sentence.text for sentence in sentences)
    return drill(
        "extract",
        dressed(words, text),
        as_json(calls),
        "A list with one call for each thing said.\n" + "\n".join(lines),
    )


def cued_call(words: Words) -> Drill:
    """Made-up keys stand beside their values; the tool is the one whose trigger word is said."""
    random = words.random
    tools = {words.tool(): words.word() for _ in range(random.choice((1, 1, 2, 3)))}
    tool, trigger = random.choice(list(tools.items()))
    keys = list(dict.fromkeys(words.key() for _ in range(random.randint(1, 5))))
    present = [key for key in keys if random.random() < 0.8] or keys[:1]
    values = {key: words.value() for key in present}
    join = random.choice(FRAMES["joins"])
    spoken = list(values.items())
    random.shuffle(spoken)
    said = join.join(random.choice(FRAMES["cues"]).format(key=key, value=value) for key, value in spoken)
    lines = [f"{name}: {word}" for name, word in tools.items()] + [f"keys: {', '.join(keys)}"]
    system = "\n".join([random.choice(FRAMES["systems"]), *lines]).strip()
    made = call(words, tool, values)
    return drill("extract", dressed(words, f"{trigger} {said}"), made.text, system + made.values["hint"])


def typed_call(words: Words) -> Drill:
    """Keys are made up; what tells them apart is the kind of value each one takes."""
    random = words.random
    kinds = random.sample(sorted(FRAMES["kinds"]), random.randint(2, 4))
    keys = {words.key(): kind for kind in kinds}
    values = {key: words.value(kind) for key, kind in keys.items() if random.random() < 0.85}
    described = {key: random.choice(FRAMES["kinds"][kind]) for key, kind in keys.items()}
    tool = words.tool()
    said = list(values.values()) or [words.word()]
    random.shuffle(said)
    text = said[0]
    for value in said[1:]:
        text = random.choice(FRAMES["typed"]).format(a=text, b=value)
    system = f"{random.choice(FRAMES['systems'])}\n{as_json({'name': tool, 'parameters': described})}".strip()
    made = call(words, tool, values)
    return drill("extract", dressed(words, text), made.text, system + made.values["hint"])


def register(words: Words, size: int) -> tuple[str, dict[str, str]]:
    """Lines that give `size` names a code each, and the codes by name; some names share a word."""
    random = words.random
    form = random.choice(FRAMES["lookup_lines"])
    codes: dict[str, str] = {}
    while len(codes) < size:
        name = words.random.choice((words.name, words.title))()
        if codes and random.random() < 0.4:
            name = f"{random.choice(list(codes)).split()[0]} {words.word().capitalize()}"
        code = words.ident()
        if name.casefold() not in map(str.casefold, codes) and code not in codes.values():
            codes[name] = code
    lines = []
    for name, code in codes.items():
        if random.random() < 0.15:
            form = random.choice(FRAMES["lookup_lines"])
        filler = random.choice(FRAMES["fillers"]) if random.random() < 0.6 else random.choice(words.phrases) + "."
        given = {"name": name, "ident": code, "filler": filler}
        lines.append(fill(words, form, given).text)
    return random.choice(FRAMES["lookup_heads"]) + "\n" + "\n".join(lines), codes


def register_size(words: Words) -> int:
    """How many entries fit: up to ten in a short row, up to thirty in a long one."""
    most = max(3, min(30, words.room_tokens // 30))
    return words.random.choice((2, 3, 3, 4, 5, words.random.randint(2, most), words.random.randint(2, most)))


def lookup(words: Words) -> Drill:
    """The code of a name, or the name of a code, from a register in the prompt."""
    random = words.random
    text, codes = register(words, register_size(words))
    name, code = random.choice(list(codes.items()))
    reverse = random.random() < 0.3
    ask = random.choice(FRAMES["reverse_asks" if reverse else "lookup_asks"]).format(name=name, ident=code)
    plain = name if reverse else code
    answer = plain if random.random() < 0.4 else as_json({words.key(): plain})
    if answer != plain:
        ask += f" Answer as JSON with the key {next(iter(json.loads(answer)))}."
    if random.random() < 0.5:
        return drill("lookup", ask, answer, text)
    return drill("lookup", f"{text}\n\n{ask}", answer)


def two_hop(words: Words) -> Drill:
    """A sentence names someone; the call holds that one's code together with values copied from the sentence."""
    random = words.random
    text, codes = register(words, register_size(words))
    name, code = random.choice(list(codes.items()))
    sentence = fill(words, random.choice(FRAMES["two_hop"]), {"name": name})
    key, tool = random.choice(("id", "code", "ref", words.key())), words.tool()
    keys = [*sentence.values, key]
    random.shuffle(keys)
    arguments = {each: code if each == key else sentence.values[each] for each in keys}
    system = f"{tool_line(words, tool, dict.fromkeys(keys, 'string'))}\n{key} is the code of the one named."
    answer = as_json({"name": tool, "arguments": arguments})
    if random.random() < 0.5:
        return drill("two_hop", dressed(words, sentence.text), answer, f"{system}\n{text}")
    return drill("two_hop", f"{text}\n\n{dressed(words, sentence.text)}", answer, system)


def invented_frame(words: Words) -> tuple[str, dict[str, str]]:
    """A sentence frame of made-up or linking words with one to four slots, and the kind of each slot."""
    random = words.random
    slots = {words.key(): random.choice(list(words.kinds)) for _ in range(random.choice((1, 2, 2, 3, 4)))}
    parts = [words.word() if random.random() < 0.5 else words.phrase()]
    for key in random.sample(list(slots), len(slots)):
        parts += [f"\0{key}\0", random.choice(LINKS[:9]) if random.random() < 0.4 else words.word()]
    return " ".join(parts[: len(parts) - random.randint(0, 1)]), slots


def spoken(words: Words, frame: str, slots: Mapping[str, str]) -> Sentence:
    """`frame` with a fresh value in each slot."""
    values = {key: words.value(kind) for key, kind in slots.items()}
    text = frame
    for key, value in values.items():
        text = text.replace(f"\0{key}\0", value)
    return Sentence(text, values)


def few_shot(words: Words) -> Drill:
    """After one to four worked examples of invented frames, a new sentence in one of those frames."""
    random = words.random
    most = 3 if words.room_tokens < 600 else 6
    frames = [(words.tool(), *invented_frame(words)) for _ in range(random.choice((1, 1, 2, most)))]
    shots = [*frames, *(random.choice(frames) for _ in range(random.randint(0, most - 1)))]
    random.shuffle(shots)
    flat = random.random() < 0.2
    messages: list[Message] = []
    for tool, frame, slots in [*shots, random.choice(frames)]:
        sentence = spoken(words, frame, slots)
        answer = as_json(sentence.values if flat else {"name": tool, "arguments": sentence.values})
        messages += [{"role": "user", "content": sentence.text}, {"role": "assistant", "content": answer}]
    if random.random() < 0.3:
        shown = "\n".join(f"Text: {q['content']}\nJSON: {a['content']}" for q, a in pairs(messages[:-2]))
        return drill("few_shot", messages[-2]["content"], messages[-1]["content"], f"Examples\n{shown}")
    system = random.choice(FRAMES["systems"])
    head = ({"role": "system", "content": system},) if system else ()
    return Drill("few_shot", head + tuple(messages))


def pairs(messages: Sequence[Message]) -> list[tuple[Message, Message]]:
    """Questions with their answers."""
    return list(zip(messages[::2], messages[1::2], strict=True))


def classify(words: Words) -> Drill:
    """The label whose cue word is in the text, or that of the worked example which shares it."""
    random = words.random
    cues = {words.word(): words.key() for _ in range(random.randint(2, 5))}
    cue, label = random.choice(list(cues.items()))
    text = [words.word() for _ in range(random.randint(2, 8))]
    text.insert(random.randint(0, len(text)), cue)
    shown = list(cues.items())
    random.shuffle(shown)
    form = random.choice(("{label}: {cue}", "{cue} -> {label}", "{label} when it says {cue}", "Label {label}: {cue}"))
    system = "Give the label.\n" + "\n".join(form.format(label=each, cue=word) for word, each in shown)
    answer = as_json({"label": label}) if random.random() < 0.3 else label
    if answer != label:
        system += "\nAnswer as JSON with the key label."
    return drill("classify", " ".join(text), answer, system)


def restyle(words: Words) -> Drill:
    """The same items in the form that was asked for."""
    random = words.random
    items = [words.phrase() if random.random() < 0.5 else words.name() for _ in range(random.randint(2, 5))]
    text = ", ".join(items)
    forms: dict[str, str] = {
        "In capitals": text.upper(),
        "In lower case": text.lower(),
        "As a list with dashes": "\n".join(f"- {item}" for item in items),
        "As a numbered list": "\n".join(f"{place}. {item}" for place, item in enumerate(items, 1)),
        "As a JSON list": as_json(items),
        "One per line": "\n".join(items),
        "Joined by semicolons": "; ".join(items),
        "Only the first": items[0],
        "Only the last": items[-1],
    }
    ask, answer = random.choice(list(forms.items()))
    return drill("format", f"{ask}: {text}", answer)


def key_lines(words: Words) -> Drill:
    """`key: value` lines as JSON, or JSON as such lines."""
    values = {words.key(): words.value() for _ in range(words.random.randint(1, 5))}
    lines = "\n".join(f"{key}: {value}" for key, value in values.items())
    if words.random.random() < 0.6:
        return drill("format", f"As JSON:\n{lines}", as_json(values))
    return drill("format", f"As lines:\n{as_json(values)}", lines)


def quote(words: Words) -> Drill:
    """A text with quotes, line ends or backslashes in it, as one JSON string."""
    random = words.random
    parts = [words.value() for _ in range(random.randint(1, 4))]
    place = random.randrange(len(parts))
    parts[place] = random.choice(('"{}"', "{}\n", "{}\\", "'{}'", '"{}', "/{}/", "{}\t")).format(parts[place])
    text, key = " ".join(parts).strip(" "), words.key()
    return drill("quote", f"Put this into JSON under {key}:\n{text}", as_json({key: text}))


def tag(words: Words) -> Drill:
    """Spans copied verbatim from a typed line, told apart by the linking words that the system turn names."""
    random = words.random
    marks = random.sample(TAG_MARKS, random.randint(1, 4))
    keys = {mark: words.key() for mark in marks}
    makers = (words.lower, words.title, words.phrase, words.name, words.number)
    plain = [[word for word in random.choice(makers)().split() if word not in marks] for _ in marks]
    values = {mark: " ".join(kept) or words.word() for mark, kept in zip(marks, plain, strict=True)}
    verb, tool = words.word(), words.tool()
    text = " ".join([verb, *(f"{mark} {value}" for mark, value in values.items())])
    rules = "\n".join(f"{key}: what follows {mark}" for mark, key in random.sample(list(keys.items()), len(keys)))
    system = f"{tool}\n{rules}"
    arguments = {keys[mark]: value for mark, value in values.items()}
    return drill("tag", text, as_json({"name": tool, "arguments": arguments}), system)


MAKERS: tuple[tuple[Callable[[Words], Drill], float], ...] = (
    (copy_span, 0.08),
    (repeat, 0.10),
    (follow, 0.04),
    (domain_call, 0.16),
    (two_calls, 0.03),
    (cued_call, 0.08),
    (typed_call, 0.06),
    (lookup, 0.10),
    (two_hop, 0.11),
    (few_shot, 0.13),
    (classify, 0.04),
    (restyle, 0.03),
    (key_lines, 0.03),
    (quote, 0.02),
    (tag, 0.08),
)
KINDS = ("copy", "extract", "lookup", "two_hop", "few_shot", "classify", "format", "quote", "tag")


def make(words: Words) -> Drill:
    """One drill of a kind drawn by its share."""
    makers, shares = zip(*MAKERS, strict=True)
    maker: Callable[[Words], Drill] = words.random.choices(makers, shares)[0]
    return maker(words)
