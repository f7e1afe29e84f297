"""Frozen weights spread over the processes of a team: each holds a share and gathers a layer at a time (FSDP2).

The adapter is small and stays whole everywhere, so that steps, states and what is kept are those of a team without
shards. What is gathered is gathered by all at once: every process must run the model equally often.
"""

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from luthier.errors import UserError
from luthier.train.backends.attention import bare
from luthier.train.backends.team import Team


def shard(model: Any, team: Team) -> None:
    """`model` holds this process's share of every frozen weight; parameters that train are left as they are."""
    inner = bare(model)
    trained = {parameter for parameter in model.parameters() if parameter.requires_grad}
    mesh = init_device_mesh(team.device.type, (team.size,))
    for layer in _layers(inner):
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    # the root, too, lies in shares between two passes: digests compare shares
    fully_shard(inner, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    with torch.no_grad():
        for parameter in trained:
            parameter.data = parameter.data.to(team.device)


def _layers(inner: Any) -> Any:
    """The model's decoder layers."""
    found = next((each for each in inner.modules() if isinstance(each, torch.nn.ModuleList) and len(each)), None)
    if found is None:
        raise UserError("the model has no list of layers to spread", hint="set train.backend.is_sharded to false")
    return found
