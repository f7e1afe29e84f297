"""One project, opened: its config, its store, its clock, and who is working on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import ValidationError

from luthier.domain.calls import ToolSpec
from luthier.domain.digests import canonical_json, digest_of
from luthier.domain.value import Json, Value
from luthier.errors import (
    Faults,
    LuthierError,
    MissingInput,
    NotEnoughEvidence,
    NotFound,
    Refused,
    Tampered,
    WaitingForPerson,
)
from luthier.lifecycle.voice import Silence, Voice
from luthier.project.config import ProjectConfig
from luthier.project.environment import Environment
from luthier.project.load import load_project
from luthier.project.reader import Loaded
from luthier.store import LinkRow, LinkState, Owner, Store, safe_join
from luthier.store.clock import clock_of, utc_now

V = TypeVar("V", bound=Value)
LEASE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Settled:
    """A result that stands: its digest, and whether this call made it."""

    digest: str
    is_fresh: bool


@dataclass(frozen=True, eq=False)
class Workspace:
    """Everything a link needs; opened once per process by a composition root."""

    loaded: Loaded[ProjectConfig]
    store: Store
    clock: Callable[[], datetime]
    actor: str
    environment: Environment
    voice: Voice = field(default_factory=Silence)
    force: bool = False

    @classmethod
    @contextmanager
    def open(
        cls,
        start: Path | None = None,
        *,
        assignments: Sequence[str] = (),
        voice: Voice | None = None,
        force: bool = False,
    ) -> Iterator["Workspace"]:
        """The project at `start` with its store, closed again at the end."""
        environment = Environment.of_process()
        loaded = load_project(start, assignments=assignments, environment=environment)
        home = loaded.folder / loaded.config.store.home
        home.mkdir(parents=True, exist_ok=True)
        database = loaded.config.store.database_url
        database_url = database.get_secret_value() if database else f"sqlite:///{home / 'luthier.db'}"
        with Store.open(database_url, loaded.config.store.artifacts_url or str(home / "artifacts")) as store:
            clock = clock_of(environment.path("LUTHIER_CLOCK_FILE"))
            yield cls(loaded, store, clock, environment.user(), environment, voice or Silence(), force)

    @property
    def config(self) -> ProjectConfig:
        """The project file."""
        return self.loaded.config

    @property
    def project(self) -> str:
        """The project's name."""
        return self.loaded.config.project

    @property
    def home(self) -> Path:
        """The folder of what is kept on this machine."""
        return self.loaded.folder / self.loaded.config.store.home

    def file(self, name: str) -> Path:
        """A file named in the project file, which must lie in the project's folder or be given in full."""
        path = Path(name)
        found = path if path.is_absolute() else safe_join(self.loaded.folder, name)
        if not found.exists():
            raise MissingInput(f"{str(found)!r} does not exist", hint=f"it is named in {self.loaded.path.name}")
        return found

    @cached_property
    def tools(self) -> tuple[ToolSpec, ...]:
        """The tools that answers may call; none where the project names no file."""
        if self.config.tools is None:
            return ()
        path = self.file(self.config.tools)
        try:
            entries = orjson.loads(path.read_bytes())
            return tuple(ToolSpec.model_validate(entry.get("function", entry)) for entry in entries)
        except (ValidationError, orjson.JSONDecodeError, AttributeError, TypeError) as fault:
            raise Faults(
                str(path), [str(fault)], hint='write a list of {"name", "description", "parameters"}'
            ) from fault

    def keep(self, value: Value, *, kind: str, parents: Sequence[str] = ()) -> str:
        """The digest under which the canonical JSON of `value` is now kept."""
        data = canonical_json(value.model_dump(mode="json"))
        return self.store.artifacts.put_bytes(
            data, kind=kind, media_type="application/json", parents=parents, now=self.clock()
        )

    def fetch(self, digest: str, kind: type[V]) -> V:
        """The value kept under `digest`; Tampered when its bytes have changed."""
        try:
            return kind.model_validate_json(self.store.artifacts.get_bytes(digest))
        except NotFound as fault:  # every digest asked for here stands in a row of ours
            raise Tampered(f"artifact {digest[:12]} is named and not kept", hint="restore it from a backup") from fault
        except ValidationError as fault:
            raise Tampered(f"artifact {digest[:12]} is not a {kind.__name__} of this version") from fault

    def latest(self, link: str, name: str = "") -> str | None:
        """The digest of a link's last result that stands, or None."""
        row = self.store.links.latest(self.project, link, name)
        return row.digest if row is not None and row.state == "done" else None

    def require(self, link: str, name: str = "") -> str:
        """The digest of a link's last result that stands; Refused when there is none, saying how to get it."""
        digest = self.latest(link, name)
        if digest is None:
            called = f"{link} of {name!r}" if name else link
            raise Refused(f"the link before this one is missing: {called}", hint="run `luthier run`")
        return digest

    def settle(
        self,
        link: str,
        name: str = "",
        *,
        version_number: int,
        section: Json,
        inputs: Mapping[str, str],
        perform: Callable[[], str],
        libraries: Sequence[str] = (),
    ) -> Settled:
        """The digest that `perform` gives, or the one from before where nothing it depends on has changed."""
        used = {name: version(name) for name in libraries}
        fingerprint = digest_of(
            {"link": link, "version": version_number, "section": section, "inputs": dict(inputs), "libraries": used}
        )
        last = self.store.links.latest(self.project, link, name)
        stands = last is not None and last.state == "done" and last.fingerprint == fingerprint
        if last is not None and last.digest and stands and not self.force:
            self.voice.say(f"{name or link}: unchanged since {last.at:%Y-%m-%d %H:%M}, {last.digest[:12]}")
            return Settled(last.digest, is_fresh=False)
        try:
            digest = perform()
        except (Refused, NotEnoughEvidence) as fault:
            state: LinkState = "waiting" if isinstance(fault, WaitingForPerson) else "refused"
            self.record(link, name, fingerprint=fingerprint, digest=None, inputs=inputs, state=state, fault=fault)
            raise
        self.record(link, name, fingerprint=fingerprint, digest=digest, inputs=inputs)
        return Settled(digest, is_fresh=True)

    def record(
        self,
        link: str,
        name: str,
        *,
        fingerprint: str,
        digest: str | None,
        inputs: Mapping[str, str],
        state: LinkState = "done",
        fault: LuthierError | None = None,
    ) -> None:
        """Append a link's result and its audit entry, in one."""
        now = self.clock()
        reason = fault.message if fault else ""
        parents = tuple(dict.fromkeys(inputs.values()))
        row = LinkRow(
            project=self.project, link=link, name=name, fingerprint=fingerprint, digest=digest, state=state,
            reason=reason, parents=parents, at=now,
        )  # fmt: skip
        detail: dict[str, Json] = {"state": state, "digest": digest, "reason": reason}
        with self.store.together():
            self.store.links.record(row)
            self.store.audit.append(self.actor, f"link.{link}", name or self.project, detail, now=now)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the project's lease, so that a second run is refused rather than mixed in."""
        name, owner = f"run/{self.project}", Owner.here(self.actor)
        self.store.leases.acquire(name, owner, LEASE_SECONDS, utc_now())  # a rehearsal's clock may stand still
        try:
            yield
        finally:
            self.store.leases.release(name, owner)
