"""What would fit where a run does not: the same run with one thing after another given up."""

from collections.abc import Iterator, Mapping

from luthier.train.plan.hardware import Hardware
from luthier.train.plan.memory import GIB, memory_need
from luthier.train.plan.shapes import ModelShape
from luthier.train.plan.tuning import Tuning

MORE_DEVICES = (2, 4, 8, 16, 32, 64)


def fits(shape: ModelShape, tuning: Tuning, hardware: Hardware) -> bool:
    """Whether one device of that kind holds its part of the run."""
    return memory_need(shape, tuning).total <= hardware.memory_gib * GIB


def placed(tuning: Tuning, hardware: Hardware) -> Tuning:
    """The run as that device would compute it: a card without bf16 does it all in fp32."""
    if hardware.precision == "fp32":
        return tuning.model_copy(update={"precision": "fp32"})
    return tuning


def would_fit(
    shape: ModelShape, tuning: Tuning, name: str, machines: Mapping[str, Hardware], *, at_most: int = 4
) -> tuple[str, ...]:
    """Changes under which the run fits, the least loss first; empty where nothing known here helps."""
    here = machines[name]
    said = [what for what, changed in _smaller(tuning, here) if fits(shape, changed, here)]
    said += _elsewhere(shape, tuning, name, machines)
    return tuple(said[:at_most])


def _smaller(tuning: Tuning, here: Hardware) -> Iterator[tuple[str, Tuning]]:
    """The run with less and less of what costs memory."""
    row = tuning.row_tokens
    one_row = tuning.model_copy(update={"tokens_at_once": row})
    if row < tuning.tokens_at_once:
        yield f"train.micro_batch_tokens={row}: one conversation at a time, slower", one_row
    again = one_row.model_copy(update={"is_checkpointed": True})
    yield f"{_one_row(tuning)}train.activation_checkpointing=true: a third slower", again
    if tuning.kind == "none":
        light = again.model_copy(update={"kind": "lora", "rank": 16})
        yield "an adapter instead of every weight: train.adapter.kind=lora", light
    if tuning.kind != "qlora" and here.quantizes:
        packed = again.model_copy(update={"kind": "qlora", "rank": tuning.rank or 16})
        yield f"{_one_row(tuning)}train.activation_checkpointing=true, train.adapter.kind=qlora: 4-bit weights", packed
        short = packed.model_copy(update={"tokens_at_once": 512, "row_tokens": 512})
        if row > 512:
            yield "the same with train.max_tokens_per_example=512", short
    elif row > 512:
        short = again.model_copy(update={"tokens_at_once": 512, "row_tokens": 512})
        yield "train.activation_checkpointing=true, train.max_tokens_per_example=512", short


def _one_row(tuning: Tuning) -> str:
    return f"train.micro_batch_tokens={tuning.row_tokens}, " if tuning.row_tokens < tuning.tokens_at_once else ""


def _elsewhere(shape: ModelShape, tuning: Tuning, name: str, machines: Mapping[str, Hardware]) -> list[str]:
    """The smallest other device that holds the run as it is, and how many of the named one share it."""
    others = sorted((other for other in machines if other != name), key=lambda other: machines[other].memory_gib)
    found = [other for other in others if fits(shape, placed(tuning, machines[other]), machines[other])]
    said = [f"{tuning.devices} x {found[0]} as it is"] if found else []
    for devices in MORE_DEVICES:
        shared = tuning.model_copy(update={"devices": devices, "is_sharded": True})
        if devices > tuning.devices and fits(shape, shared, machines[name]):
            return [*said, f"{devices} x {name} with the weights shared out (FSDP), by another trainer"]
    return said
