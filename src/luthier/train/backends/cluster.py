"""Workers on a Ray cluster, by Ray Train, doing what torchrun's workers do."""

from pathlib import Path
from typing import Any

import ray
from ray.train import ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer

from luthier.train.backend_config import RayBackend


def run_on_ray(folder: Path, backend: RayBackend) -> str:
    """What went wrong, or an empty text; what the workers leave lies in `folder`, which all machines must see."""
    is_ours = not ray.is_initialized()
    if is_ours:
        ray.init(address=backend.address, num_cpus=None if backend.address else backend.workers, log_to_driver=False,
                 include_dashboard=False, configure_logging=False)  # fmt: skip
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]  # ray is partly typed
        uses_gpu = resources.get("GPU", 0) >= backend.workers
        scaling = ScalingConfig(num_workers=backend.workers, use_gpu=uses_gpu)
        TorchTrainer(_worker, train_loop_config={"folder": str(folder)}, scaling_config=scaling).fit()
    except TrainingFailedError as fault:
        return str(fault)
    finally:
        if is_ours:
            ray.shutdown()
    return ""


def _worker(settings: dict[str, Any]) -> None:
    from luthier.train.backends.worker import work  # noqa: PLC0415 - imported where the worker runs

    work(Path(settings["folder"]))
