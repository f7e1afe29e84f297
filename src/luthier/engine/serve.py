"""Composition root of `luthier engine`: the model, the app, the port."""

import ipaddress
import logging
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from luthier.engine.app import STOP_SECONDS, create_app
from luthier.engine.wire import BoundedProtocol
from luthier.errors import Refused, UserError
from luthier.variants.config import ModelConfig
from luthier.variants.engines.folders import model_folder
from luthier.variants.engines.local import LocalEngine


@dataclass(frozen=True)
class Serving:
    """All that one serving process is told."""

    model: ModelConfig = field(default_factory=ModelConfig)
    host: str = "127.0.0.1"
    port: int = 8001
    api_keys: Sequence[SecretStr] | None = None
    adapters: Mapping[str, Path] = field(default_factory=dict)
    adapters_root: Path | None = None
    served_names: Sequence[str] = ()
    most_requests: int = 256


def serve(serving: Serving) -> None:
    """Answers on the port until SIGTERM or SIGINT, then finishes what it accepted."""
    check_doors(serving)
    config = config_of(serving)
    logging.getLogger("luthier").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn stops on it, then raises it again: an end as asked is 0
    uvicorn.Server(config).run()


def config_of(serving: Serving) -> uvicorn.Config:
    """The app and the bounds of its connections, as the server takes them."""
    return uvicorn.Config(
        build(serving), host=serving.host, port=serving.port, log_level="info", server_header=False,
        timeout_graceful_shutdown=int(STOP_SECONDS), access_log=False, http=BoundedProtocol, ws="none",
    )  # fmt: skip


def build(serving: Serving) -> Starlette:
    """The app with its model and adapters loaded."""
    names = tuple(serving.served_names) or (serving.model.id,)
    if clash := sorted(set(names) & set(serving.adapters)):
        raise UserError(f"{clash[0]!r} names both the base model and an adapter", hint="rename the adapter")
    model = serving.model
    engine = LocalEngine.load(
        model_folder(model.id), threads=model.threads, batch_size=model.batch_size, price=model.price
    )
    for name, folder in serving.adapters.items():
        engine.add_adapter(name, folder)
    return create_app(
        engine,
        base_names=names,
        api_keys=serving.api_keys,
        adapters_root=serving.adapters_root,
        most_requests=serving.most_requests,
    )


def check_doors(serving: Serving) -> None:
    """Nothing when a key is asked for or nobody outside can reach the port, else Refused."""
    if serving.api_keys is not None:
        if not serving.api_keys:
            raise UserError("no API key is given", hint="set --api-key-env, or --no-auth on a loopback address")
        return
    if not is_loopback(serving.host):
        raise Refused(
            f"without a key the engine listens on a loopback address only, not on {serving.host!r}",
            hint="give --api-key-env",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
