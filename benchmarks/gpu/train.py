"""LoRA on a Llama-3.1-8B shape with random weights, full sequences: Luthier, TRL and a bare loop on one GPU.

    python benchmarks/gpu/train.py [--out FILE]   one card, under eight minutes
    python benchmarks/gpu/train.py --smoke        a tiny shape on the CPU: every line runs, and no figure of it counts

Tokens per second, model TFLOP per second (frozen weights: 4 FLOP per parameter and token, plus attention), the share
of what plain matrix products reach in the same run, and peak memory. Each engine has a process of its own; one that
fails is shown as failed. TRL runs under LUTHIER_TRL_PYTHON where that is set, else under this interpreter.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from train_shape import Work

ENGINES = ("luthier", "bare", "trl")
CEILING_SIZE = 8192


def main() -> None:
    """The table, printed and kept."""
    options = _parse()
    if options.engine:
        import train_shape  # noqa: PLC0415 - the table itself needs no torch

        work = train_shape.SMOKE if options.smoke else train_shape.FULL
        print(json.dumps(_measured(options.engine, work)))
        return
    lines = [_apart(engine, smoke=options.smoke) for engine in ("ceiling", *ENGINES)]
    ceiling = lines[0].get("tflop_per_second")
    for line in lines[1:]:
        if ceiling and "tflop_per_second" in line:
            line["share_of_ceiling"] = round(line["tflop_per_second"] / ceiling, 3)
    for line in lines:
        print(json.dumps(line))
    if options.out:
        options.out.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    sys.exit(int(any("failed" in line for line in lines)))


def _apart(engine: str, *, smoke: bool) -> dict[str, Any]:
    python = os.environ.get("LUTHIER_TRL_PYTHON", sys.executable) if engine == "trl" else sys.executable
    source = str(Path(__file__).resolve().parents[2] / "src")
    command = [python, str(Path(__file__).resolve()), "--engine", engine, *(["--smoke"] if smoke else [])]
    environment = os.environ | {"PYTHONPATH": source, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        return {"engine": engine, "failed": done.stderr.strip().splitlines()[-1][:300] if done.stderr else "no output"}
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _measured(engine: str, work: "Work") -> dict[str, Any]:
    import torch  # noqa: PLC0415

    if engine == "ceiling":
        return {"engine": engine, "tflop_per_second": round(_ceiling(work), 2), "device": _device_name(work)}
    step = {"luthier": _luthier, "bare": _bare, "trl": _trl}[engine](work)
    losses = [step()]  # the first one warms up
    _wait(work)
    began = time.perf_counter()
    losses += [step() for _ in range(work.steps)]
    _wait(work)
    seconds = (time.perf_counter() - began) / work.steps
    tokens = work.batch * work.length
    found = {
        "engine": engine, "seconds_per_step": round(seconds, 3), "tokens_per_second": round(tokens / seconds, 1),
        "tflop_per_second": round(tokens * work.flop_per_token / seconds / 1e12, 3), "losses": losses,
        "torch": torch.__version__,
    }  # fmt: skip
    if work.device == "cuda":
        found["peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 1)
    return found


def _ceiling(work: "Work") -> float:
    """TFLOP per second of plain products in the precision that is trained in."""
    import torch  # noqa: PLC0415

    size = CEILING_SIZE if work.device == "cuda" else 256
    dtype = torch.bfloat16 if work.device == "cuda" else torch.float32
    left, right = (torch.randn(size, size, device=work.device, dtype=dtype) for _ in range(2))
    for _ in range(5):
        left @ right
    _wait(work)
    began = time.perf_counter()
    for _ in range(20):
        left @ right
    _wait(work)
    return 20 * 2 * size**3 / (time.perf_counter() - began) / 1e12


def _luthier(work: "Work") -> Callable[[], float]:
    from train_shape import rows_of, wrapped  # noqa: PLC0415

    from luthier.train.backends.attention import attends  # noqa: PLC0415
    from luthier.train.backends.base_model import choose_machine  # noqa: PLC0415
    from luthier.train.backends.encode import Encoded  # noqa: PLC0415
    from luthier.train.backends.fused import fuse  # noqa: PLC0415
    from luthier.train.backends.kinds import trainable  # noqa: PLC0415
    from luthier.train.backends.objectives.sft import Answered, Supervised  # noqa: PLC0415
    from luthier.train.backends.references import References  # noqa: PLC0415
    from luthier.train.backends.steps import Bench, take_step  # noqa: PLC0415
    from luthier.train.config import TrainConfig  # noqa: PLC0415

    config = TrainConfig.model_validate(
        {"micro_batch_tokens": work.at_once * work.length, "batch_size": work.batch, "device": work.device,
         "adapter": {"rank": 16, "alpha": 32}}
    )  # fmt: skip
    model = wrapped(work)
    reads_sheets = attends(model)
    fuse(model)
    bench = Bench.of(
        model,
        trainable(model),
        choose_machine(config),
        config,
        references=References(None, ""),
        reads_sheets=reads_sheets,
    )
    targets = (False, *([True] * (work.length - 1)))
    batch = [Answered(Encoded(str(at), tuple(row), targets)) for at, row in enumerate(rows_of(work))]

    def step() -> float:
        result = take_step(bench, Supervised(), batch, config, rate=2e-4, seed=0)
        return result.loss_sum / result.count

    return step


def _bare(work: "Work") -> Callable[[], float]:
    """The shortest loop that is right: PEFT, autocast, accumulated micro-batches, fused AdamW."""
    import torch  # noqa: PLC0415
    from train_shape import rows_of, wrapped  # noqa: PLC0415

    model = wrapped(work)
    model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=2e-4, weight_decay=0.0, fused=True)
    rows = torch.tensor(rows_of(work), device=work.device)

    def step() -> float:
        total = 0.0
        for part in rows.split(work.at_once):
            with torch.autocast(work.device, torch.bfloat16, enabled=work.device == "cuda"):
                loss = model(input_ids=part, labels=part, use_cache=False).loss * len(part) / work.batch
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return total

    return step


def _trl(work: "Work") -> Callable[[], float]:
    """TRL's supervised trainer on the same sequences; one call of `step` is one optimizer step."""
    import threading  # noqa: PLC0415

    from datasets import Dataset  # noqa: PLC0415
    from train_shape import lora, model_of, rows_of, tokenizer_of  # noqa: PLC0415
    from transformers import TrainerCallback  # noqa: PLC0415
    from trl import SFTConfig, SFTTrainer  # noqa: PLC0415

    goes, done, losses = threading.Semaphore(0), threading.Semaphore(0), list[float]()

    class Paced(TrainerCallback):
        """Lets the trainer take one step at a time."""

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            goes.acquire()

        def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
            if logs and "loss" in logs:
                losses.append(logs["loss"])
                done.release()

    rows = rows_of(work) * (work.steps + 1)
    config = SFTConfig(
        output_dir="/tmp/luthier-trl", per_device_train_batch_size=work.at_once, bf16=work.device == "cuda",
        gradient_accumulation_steps=work.batch // work.at_once, learning_rate=2e-4, lr_scheduler_type="constant",
        num_train_epochs=1, logging_steps=1, report_to=[], save_strategy="no", max_length=None, disable_tqdm=True,
        use_cpu=work.device == "cpu", gradient_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_pin_memory=work.device == "cuda", train_sampling_strategy="sequential",
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model_of(work), args=config, train_dataset=Dataset.from_dict({"input_ids": rows, "labels": rows}),
        processing_class=tokenizer_of(work), peft_config=lora(), callbacks=[Paced()],
    )  # fmt: skip
    faults: list[BaseException] = []

    def train() -> None:
        try:
            trainer.train()
        except BaseException as fault:  # noqa: BLE001 - told by the step that waits for it
            faults.append(fault)
            done.release()

    threading.Thread(target=train, daemon=True).start()

    def step() -> float:
        goes.release()
        done.acquire()
        if faults:
            raise faults[0]
        return losses[-1]

    return step


def _wait(work: "Work") -> None:
    import torch  # noqa: PLC0415

    if work.device == "cuda":
        torch.cuda.synchronize()


def _device_name(work: "Work") -> str:
    import torch  # noqa: PLC0415

    return torch.cuda.get_device_name() if work.device == "cuda" else "CPU, smoke: no figure here counts"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a tiny shape on the CPU")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
