"""Encoders: texts into vectors, by a model of this machine or by an endpoint; importing this loads no model library."""

from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
from pydantic import BaseModel, SecretStr, ValidationError

from luthier.domain.digests import canonical_json
from luthier.errors import EngineFault
from luthier.text.encoding import Encode, Floats
from luthier.variants.config import EmbeddingsConfig
from luthier.variants.egress import open_client, send
from luthier.variants.engines.folders import check_model_folder, model_folder, read_json


def open_encoder(config: EmbeddingsConfig, *, root: Path = Path(), api_key: SecretStr | None = None) -> Encode | None:
    """What turns texts into vectors as `config` says; None for `bundled`, whose word vectors need no encoder.

    Args:
        config: The project's `data.embeddings`.
        root: Folder that relative paths start from.
        api_key: Of the endpoint.

    """
    if config.engine == "bundled":
        return None
    if config.engine == "openai":
        return RemoteEncoder(config, api_key=api_key)
    folder = encoder_folder(config, root)
    if read_json(folder / "config.json").get("model_type") == "model2vec":
        return StaticEncoder(folder)
    from luthier.variants.engines.encoding import LocalEncoder  # noqa: PLC0415 - torch takes seconds

    return LocalEncoder(folder, batch_size=config.batch_size)


def encoder_folder(config: EmbeddingsConfig, root: Path) -> Path:
    """Where the local encoder lies; UnsafeModel where opening it would run code."""
    folder = model_folder(config.id or "", root=root)
    check_model_folder(folder)
    return folder


class StaticEncoder:
    """A table of token vectors (model2vec): the mean of a text's tokens."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file  # noqa: PLC0415 - an extra
        from tokenizers import Tokenizer  # noqa: PLC0415

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._vectors = load_file(folder / "model.safetensors")["embeddings"].astype(np.float32)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """One vector of length 1 per text; 0 where no token is known."""
        found = np.zeros((len(texts), self._vectors.shape[1]), dtype=np.float32)
        for row, tokens in enumerate(self._tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            if tokens.ids:
                mean = self._vectors[tokens.ids].mean(axis=0)
                found[row] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return found


class _Vector(BaseModel):
    index: int
    embedding: list[float]


class _Vectors(BaseModel):
    data: list[_Vector]


class RemoteEncoder:
    """Any endpoint with OpenAI's `/v1/embeddings`."""

    def __init__(
        self, config: EmbeddingsConfig, *, api_key: SecretStr | None = None, client: httpx.Client | None = None
    ) -> None:
        self._config, self._api_key = config, api_key
        self._client = client or open_client(timeout_seconds=config.timeout_seconds, connections=1)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """One vector per text; EngineFault where the endpoint does not give as many."""
        size = self._config.batch_size
        found = [self._asked(list(texts[start : start + size])) for start in range(0, len(texts), size)]
        return np.concatenate(found) if found else np.zeros((0, 0), dtype=np.float32)

    def _asked(self, texts: list[str]) -> Floats:
        key = {"authorization": f"Bearer {self._api_key.get_secret_value()}"} if self._api_key else {}
        body = canonical_json({"model": self._config.id, "input": texts, "encoding_format": "float"})
        headers = {"content-type": "application/json", **key}
        reply = send(self._client, "POST", f"{self._config.base_url}/embeddings", body=body, headers=headers)
        if reply.status != 200:
            raise EngineFault(
                f"the endpoint of `data.embeddings` answered {reply.status}", hint="check `base_url`, `id` and the key"
            )
        try:
            told = sorted(_Vectors.model_validate_json(reply.body).data, key=lambda each: each.index)
            vectors = np.array([each.embedding for each in told], dtype=np.float32)
        except (ValidationError, ValueError) as fault:
            raise EngineFault("the endpoint of `data.embeddings` sent no vectors", hint="check `base_url`") from fault
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise EngineFault(
                f"the endpoint of `data.embeddings` gave {len(told)} vectors for {len(texts)} texts",
                hint="check `base_url` and `id`",
            )
        return vectors
