"""What the base model can do: held-out drills answered exactly, and SNIPS after a short tuning run.

.venv/bin/python models/base/probe.py drills --scores ../basemodel/scores.json
.venv/bin/python models/base/probe.py snips --data ../shared/data --minutes 8 --rank 32 --rate 4e-3
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # run as a file: the recipe's own package is found from the repository root

from models.base import corpus, drills  # noqa: E402  (after the path above)
from models.base.tokenizer import word_pieces  # noqa: E402
from models.base.words import Words  # noqa: E402

HELD_OUT_SEED = 77_000_001
Exchange = tuple[drills.Message, ...]


def read_snips(file: Path) -> list[Exchange]:
    """Each utterance of a SNIPS file with its call, values as they were written."""
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # some of the train files are Latin-1
    ((intent, rows),) = json.loads(text).items()
    exchanges: list[Exchange] = []
    for row in rows:
        slots = {part["entity"]: part["text"] for part in row["data"] if "entity" in part}
        said = "".join(part["text"] for part in row["data"]).strip()
        answer = json.dumps({"name": intent, "arguments": slots}, ensure_ascii=False)
        exchanges.append(({"role": "user", "content": said}, {"role": "assistant", "content": answer}))
    return exchanges


def answers(model: Any, spelling: Any, prompts: Sequence[Exchange], *, batch: int = 50) -> list[str]:
    """Greedy answers in the order of `prompts`."""
    device = model.device
    texts = [str(spelling.apply_chat_template(list(p), tokenize=False, add_generation_prompt=True)) for p in prompts]
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    found = [""] * len(texts)
    model.eval()
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        given = spelling([texts[place] for place in chosen], return_tensors="pt", padding=True, padding_side="left")
        with torch.inference_mode():
            out = model.generate(
                input_ids=given["input_ids"].to(device),
                attention_mask=given["attention_mask"].to(device),
                max_new_tokens=140,
                do_sample=False,
            )
        new = spelling.batch_decode(out[:, given["input_ids"].shape[1] :], skip_special_tokens=True)
        for place, text in zip(chosen, new, strict=True):
            found[place] = text
    return found


def probe_drills(model: Any, spelling: Any, data: Path, count: int) -> dict[str, dict[str, float]]:
    """Share of held-out drills answered character by character, by kind, with how many there were."""
    runs = corpus.phrases(corpus.documents(data, HELD_OUT_SEED), HELD_OUT_SEED)
    words = Words(Random(HELD_OUT_SEED), word_pieces(spelling.backend_tokenizer), runs)
    made = [drills.make(words) for _ in range(count)]
    got = answers(model, spelling, [drill.messages[:-1] for drill in made])
    hits: dict[str, list[bool]] = defaultdict(list)
    for drill, answer in zip(made, got, strict=True):
        hits[drill.kind].append(answer == drill.answer)
    return {kind: {"exact": sum(hits[kind]) / len(hits[kind]), "n": len(hits[kind])} for kind in drills.KINDS}


def graded(references: Sequence[str], got: Sequence[str]) -> dict[str, float]:
    """Exact calls, right intents and unreadable answers, each as a share."""
    exact = intent = broken = 0
    for reference, answer in zip(references, got, strict=True):
        wanted = json.loads(reference)
        try:
            call = json.loads(answer)
        except json.JSONDecodeError:
            broken += 1
            continue
        exact += call == wanted
        intent += isinstance(call, dict) and call.get("name") == wanted["name"]
    return {"exact": exact / len(got), "intent": intent / len(got), "invalid_json": broken / len(got), "n": len(got)}


def with_lora(model: Any, rank: int) -> Any:
    """`model` with adapters on every linear layer; rank 0 leaves all weights free."""
    if rank == 0:
        return model
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(model, config)


def tune(model: Any, spelling: Any, rows: Sequence[Exchange], options: argparse.Namespace) -> dict[str, float]:
    """The model has seen `rows` for the given minutes or epochs, whichever ended first."""
    encoder = corpus.Encoder(spelling.backend_tokenizer)
    encoded = [encoder.chat("chat", row, is_drill=True) for row in rows]
    random, batch = Random(0), options.batch
    free = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(free, lr=options.rate, weight_decay=0.0)
    total = options.epochs * (len(encoded) // batch)
    began, step = time.monotonic(), 0
    model.train()
    while step < total:
        pool = random.sample(encoded, len(encoded))
        chunks = [
            sorted(pool[s : s + batch * 20], key=lambda row: len(row.ids)) for s in range(0, len(pool), batch * 20)
        ]
        groups = [chunk[s : s + batch] for chunk in chunks for s in range(0, len(chunk), batch)]
        random.shuffle(groups)
        for group in groups[: total - step]:
            share = max(step / total, (time.monotonic() - began) / 60 / options.minutes)
            if share >= 1.0:
                return {"steps": step, "minutes": (time.monotonic() - began) / 60}
            for setting in optimizer.param_groups:
                setting["lr"] = options.rate * min(1.0, step / 20 + 0.05) * (1.0 - share)
            step += 1
            tune_step(model, group, optimizer)
            if step % 50 == 0:
                print(step, total, round((time.monotonic() - began) / 60, 2), flush=True)
    return {"steps": step, "minutes": (time.monotonic() - began) / 60}


def tune_step(model: Any, group: Sequence[corpus.Encoded], optimizer: torch.optim.Optimizer) -> None:
    """One step on one padded batch; only answer tokens count."""
    longest = max(len(row.ids) for row in group)
    ids = torch.tensor([row.ids + [0] * (longest - len(row.ids)) for row in group])
    weights = torch.tensor([row.weights + [0.0] * (longest - len(row.weights)) for row in group])[:, 1:]
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits[weights > 0]
    loss = cross_entropy(logits, ids[:, 1:][weights > 0])
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_([p for s in optimizer.param_groups for p in s["params"]], 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def probe_snips(model: Any, spelling: Any, options: argparse.Namespace) -> dict[str, float]:
    """Scores on the 700 validation utterances after tuning on the train files."""
    folder = options.data / "snips_nlu" / "2017-06-custom-intent-engines"
    rows = [row for file in sorted(folder.glob("*/train_*_full.json")) for row in read_snips(file)]
    held = [row for file in sorted(folder.glob("*/validate_*.json")) for row in read_snips(file)]
    tuned = with_lora(model, options.rank)
    rows, held = (
        Random(1).sample(rows, min(options.rows, len(rows))),
        Random(2).sample(held, min(options.held, len(held))),
    )
    spent = tune(tuned, spelling, rows, options)
    got = answers(tuned, spelling, [row[:-1] for row in held])
    for row, answer in list(zip(held, got, strict=True))[:: len(held) // 12]:
        print(row[0]["content"], "|", row[1]["content"], "|", answer)
    return {**graded([row[1]["content"] for row in held], got), **spent}


def main() -> None:
    """Print the scores, and keep them where `--scores` says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("drills", "snips"))
    parser.add_argument("--model", type=Path, default=ROOT / "src/luthier/variants/engines/bundled")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--rows", type=int, default=100_000, help="Training utterances, drawn by a fixed seed.")
    parser.add_argument("--held", type=int, default=700, help="Validation utterances, drawn by a fixed seed.")
    parser.add_argument("--rank", type=int, default=32, help="0 tunes every weight.")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=8.0)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(2)
    spelling = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model)
    if options.what == "drills":
        scores: dict[str, Any] = {"drills": probe_drills(model, spelling, options.data, options.count)}
    else:
        scores = {"snips": probe_snips(model, spelling, options)}
    print(json.dumps(scores, indent=1))
    if options.scores is not None:
        kept = json.loads(options.scores.read_text(encoding="utf-8")) if options.scores.exists() else {}
        options.scores.write_text(json.dumps({**kept, **scores}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
