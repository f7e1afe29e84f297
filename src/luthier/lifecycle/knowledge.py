"""The project's knowledge bases: indexed with what is kept of the last time, and measured on labelled questions."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from luthier.domain.digests import digest_of
from luthier.lifecycle.workspace import Workspace
from luthier.text.encoding import Remembered
from luthier.variants.config import RetrievalConfig
from luthier.variants.engines.encoders import encoder_folder, open_encoder
from luthier.variants.engines.folders import weights_digest
from luthier.variants.retrieval.index import Index
from luthier.variants.retrieval.labels import SearchReport, measure_search, read_labels
from luthier.variants.retrieval.meaning import Encoder


def open_indexes(work: Workspace) -> Mapping[str, Index]:
    """Every knowledge base of the project as its documents are now."""
    return {name: open_index(work, name, section) for name, section in work.config.retrieval.items()}


def open_index(work: Workspace, name: str, section: RetrievalConfig) -> Index:
    """One knowledge base; documents that did not change are neither cut nor encoded again."""
    kept = work.home / "retrieval" / name
    kept.mkdir(parents=True, exist_ok=True)
    with alone(kept / "lock"):
        return Index.of_folder(
            work.file(section.documents), section, encoder=_encoder(work, section, kept), kept=kept / "passages.arrow"
        )


def measured_search(work: Workspace, name: str, section: RetrievalConfig, labels: Path) -> SearchReport:
    """How well the knowledge base is searched as `section` says."""
    index = open_index(work, name, section)
    overall, asked, unanswerable = measure_search(index.passages, index.search, read_labels(labels))
    return SearchReport(
        kb=name, search=section.search, index=index.digest, overall=overall, asked=asked, unanswerable=unanswerable
    )


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """One process at a time: the gateway and a command may index the same documents at once."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # given back when the file is closed, also by a process that is killed
        yield


def _encoder(work: Workspace, section: RetrievalConfig, kept: Path) -> Encoder | None:
    """The encoder of a search by meaning; None for the package's word vectors. Only passages are remembered."""
    config = section.embeddings
    if section.search == "words":
        return None
    key = work.environment.secret(config.api_key_env) if config.api_key_env else None
    encode = open_encoder(config, root=work.loaded.folder, api_key=key)
    if encode is None:
        return None
    weights = weights_digest(encoder_folder(config, work.loaded.folder)) if config.engine == "local" else ""
    name = digest_of({"engine": config.engine, "id": config.id, "base_url": config.base_url, "weights": weights})
    return Encoder(passages=Remembered(encode, kept / f"vectors-{name[:16]}.bin"), questions=encode, name=name)
