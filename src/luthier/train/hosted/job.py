"""The one job of a run at the provider: found again or made, waited for, and its files taken away."""

from collections.abc import Mapping
from dataclasses import dataclass

from luthier.errors import EngineFault, LuthierError, Refused
from luthier.train.hosted import record
from luthier.train.hosted.api import FineTuningApi, Uncertain
from luthier.train.hosted.record import Asked
from luthier.train.hosted.types import ENDED, NO_RESULT, Job, Ports

MARK = "luthier_run"
"""The job's metadata under which its identity stands, so that a job is found again after a crash."""
LOOKS_BEFORE_CREATING_AGAIN = 3
TRIES_AT_CREATING = 3


@dataclass(frozen=True)
class Desk:
    """From where a provider is dealt with, and how patiently."""

    ports: Ports
    api: FineTuningApi
    poll_seconds: float
    time_limit_seconds: float | None
    deletes_files: bool

    def settle(self, identity: str, body: Mapping[str, object], files: Mapping[str, bytes]) -> Job:
        """The job of that identity once it has succeeded; one that ended otherwise is forgotten and raised."""
        began = self.ports.monotonic_seconds()
        asked = self._with_job(body, files, record.read(self.ports.checkpoints, identity))
        job, fault = self._ended(str(asked.job), began)
        if self.deletes_files:
            for file in (asked.training_file, asked.validation_file):
                if file is not None:
                    self.api.delete_file(file)
        if fault is not None:
            record.forget(self.ports.checkpoints, identity)
            raise fault
        return job

    def cancelled(self, asked: Asked) -> Job | None:
        """The recorded run's job if it was running and is cancelled now; None where there is nothing to cancel.

        A run killed before it heard of its job is looked up by its mark. Rows that were uploaded are taken away and
        the record is forgotten; a job that has ended, or ends before it hears, is left for the next run to fetch.
        """
        job = self._found(asked) if asked.job is None else self.api.job(asked.job)
        if job is not None and job.status not in ENDED:
            job = self.api.cancel(job.id)
        if job is not None and job.status == "succeeded":
            return None
        if self.deletes_files:
            for file in [each for each in self.api.files() if each.filename.startswith(_prefix(asked))]:
                self.api.delete_file(file.id)
        record.forget(self.ports.checkpoints, asked.identity)
        return job

    def _with_job(self, body: Mapping[str, object], files: Mapping[str, bytes], asked: Asked) -> Asked:
        """The record of a run whose job exists: the one recorded, one found at the provider, or a new one."""
        if asked.job is not None:
            return asked
        found = self._found(asked)
        if found is None:
            asked = self._with_files(files, asked)
            found = self._found(asked) or self._created(body, asked)
        self.ports.say(f"job {found.id} at the provider is {found.status}")
        update = {"job": found.id, "is_creating": False, "training_file": found.training_file,
                  "validation_file": found.validation_file}  # fmt: skip
        return record.keep(self.ports.checkpoints, asked.model_copy(update=update))

    def _found(self, asked: Asked) -> Job | None:
        """The run's job at the provider, by its mark or by its file; one that failed or was cancelled does not count.

        Where a job may have been asked for a moment ago, the provider's list is given time to show it.
        """
        looks = LOOKS_BEFORE_CREATING_AGAIN if asked.is_creating else 1
        for look in range(looks):
            for job in self.api.jobs({MARK: asked.identity}):
                is_ours = (job.metadata or {}).get(MARK) == asked.identity or job.training_file == asked.training_file
                if is_ours and job.status not in NO_RESULT:
                    return job
            if look + 1 < looks:
                self.ports.sleep(2.0**look)
        return None

    def _with_files(self, files: Mapping[str, bytes], asked: Asked) -> Asked:
        """The record with both files at the provider, uploaded now or found there."""
        there = {(file.filename, file.bytes): file.id for file in self.api.files() if file.status != "error"}
        ids = {}
        for name, data in files.items():
            called = f"{_prefix(asked)}{name}.jsonl"
            ids[name] = there.get((called, len(data))) or self.api.upload(called, data).id
        update = {"training_file": ids["train"], "validation_file": ids["validation"]}
        return record.keep(self.ports.checkpoints, asked.model_copy(update=update))

    def _created(self, body: Mapping[str, object], asked: Asked) -> Job:
        """The one request that costs money: recorded before, and never repeated before a look at what there is."""
        whole = {
            **body, "training_file": asked.training_file, "validation_file": asked.validation_file,
            "metadata": {MARK: asked.identity},
        }  # fmt: skip
        asked = record.keep(self.ports.checkpoints, asked.model_copy(update={"is_creating": True}))
        what = ""
        for attempt in range(TRIES_AT_CREATING):
            try:
                return self.api.create_job(whole)
            except Uncertain as fault:
                what = fault.message
            self.ports.sleep(2.0**attempt)
            if found := self._found(asked):
                return found
        raise EngineFault(f"no job could be made: {what}", hint="run again later; nothing is paid for twice")

    def _ended(self, job_id: str, began: float) -> tuple[Job, LuthierError | None]:
        """The job as it ended, with the error that it is where it made no model; its log is told line by line."""
        said: set[str] = set()
        while True:
            job = self.api.job(job_id)
            self._tell(job_id, said)
            if job.status == "succeeded":
                return job, None
            if job.status in NO_RESULT:
                return job, _no_result(job)
            limit = self.time_limit_seconds
            if limit is not None and self.ports.monotonic_seconds() - began >= limit:
                job = self.api.cancel(job_id)
                told = f"job {job_id} was cancelled after {limit:g} s"
                late = job.status == "succeeded"  # it ended before it heard
                return job, None if late else Refused(told, hint="raise train.time_limit_seconds")
            self.ports.sleep(self.poll_seconds)

    def _tell(self, job_id: str, said: set[str]) -> None:
        for event in self.api.events(job_id):
            if event.id not in said:
                said.add(event.id)
                self.ports.say(event.message if event.level == "info" else f"{event.level}: {event.message}")


def _prefix(asked: Asked) -> str:
    """How the names of a run's files begin at the provider."""
    return f"luthier-{asked.identity[:16]}-"


def _no_result(job: Job) -> LuthierError:
    if job.status == "cancelled":
        return Refused(f"job {job.id} was cancelled at the provider", hint="run again to make a new one")
    why = f" ({job.error.code})" if job.error and job.error.code else ""
    return EngineFault(f"job {job.id} failed at the provider{why}", hint="its page there says why")
