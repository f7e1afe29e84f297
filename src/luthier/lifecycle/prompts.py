"""Versions of prompts: which text a report or release was made with, and what became of it.

A version is the SHA-256 of the template's text as variants carry it (the file without newlines at its end), so the same
text in two files is one version. Every report leaves a row of the link `prompt` that names the file and keeps the text.
"""

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field

from luthier.domain.digests import digest_of_bytes
from luthier.domain.measure import Measurement
from luthier.domain.releases import Release
from luthier.domain.reports import Report
from luthier.domain.value import Value
from luthier.domain.variants import Variant
from luthier.errors import NotFound, UserError
from luthier.lifecycle.workspace import Workspace

LINK = "prompt"
SHORTEST_PREFIX = 6


class PromptText(Value):
    """A prompt template as it was when something was measured with it."""

    file: str = Field(description="Path in the project file.")
    text: str

    @property
    def version(self) -> str:
        """What tells it from every other text."""
        return version_of(self.text)


class PromptUse(Value):
    """A report made with a version."""

    name: str = Field(description="VARIANT/BENCHMARK, or VARIANT@RUN/BENCHMARK.")
    report: str
    at: datetime
    figures: Mapping[str, Measurement]


class PromptVersion(Value):
    """One text, where it stood or stands, and what was made with it."""

    version: str
    files: tuple[str, ...]
    is_current: bool = Field(description="Whether a variant of the project file is made of it now.")
    text: str
    uses: tuple[PromptUse, ...] = Field(description="Oldest first; a report that was made again is one more.")
    releases: tuple[str, ...]


class PromptDiff(Value):
    """What two versions say differently, and what was measured of each."""

    one: PromptVersion
    other: PromptVersion
    lines: tuple[str, ...] = Field(description="A unified diff; empty for the same text.")


def version_of(text: str) -> str:
    """The content hash of a prompt's text."""
    return digest_of_bytes(text.encode())


def record_prompt(work: Workspace, variant: Variant, name: str, report: str) -> None:
    """The text that a report was made with is on record, once."""
    last = work.store.links.latest(work.project, LINK, name)
    if last is not None and report in last.parents:
        return
    text = PromptText(file=work.config.variants[variant.name].prompt, text=variant.prompt)
    digest = work.keep(text, kind=LINK)
    work.record(LINK, name, fingerprint=text.version, digest=digest, inputs={"report": report})


def prompt_versions(work: Workspace) -> tuple[PromptVersion, ...]:
    """Every version that was measured or released, or stands in a file now; by file, oldest first."""
    texts: dict[str, str] = {}
    files: dict[str, list[str]] = {}
    uses: dict[str, list[PromptUse]] = {}
    for row in work.store.links.history(work.project):
        if row.link == LINK and row.digest:
            kept = work.fetch(row.digest, PromptText)
            _note(kept, texts, files)
            found = work.fetch(row.parents[0], Report)
            use = PromptUse(name=row.name, report=row.parents[0], at=row.at, figures=found.overall)
            uses.setdefault(kept.version, []).append(use)
    releases: dict[str, list[str]] = {}
    for made in (work.fetch(row.digest, Release) for row in work.store.releases.all(work.project)):
        version = version_of(made.variant.prompt)
        texts.setdefault(version, made.variant.prompt)
        releases.setdefault(version, []).append(made.id)
    current = _current(work)
    for each in current:
        _note(each, texts, files)
    now = {each.version for each in current}
    listed = [
        PromptVersion(
            version=version, files=tuple(files.get(version, ())), is_current=version in now, text=text,
            uses=tuple(uses.get(version, ())), releases=tuple(releases.get(version, ())),
        )
        for version, text in texts.items()
    ]  # fmt: skip
    return tuple(sorted(listed, key=lambda each: each.files))


def find_prompt(versions: Sequence[PromptVersion], called: str) -> PromptVersion:
    """The version called by the start of its hash, by a release, or by a file, which means the text in it now."""
    current = [each for each in versions if called in each.files and each.is_current]
    named = [each for each in versions if called in each.releases]
    hashed = [each for each in versions if len(called) >= SHORTEST_PREFIX and each.version.startswith(called)]
    found = current or named or hashed
    if not found:
        raise NotFound(f"no prompt version is called {called!r}", hint="list them: `luthier prompts list`")
    if len(found) > 1:
        raise UserError(f"{called!r} begins several versions", hint="give more of the hash")
    return found[0]


def diff_prompts(one: PromptVersion, other: PromptVersion) -> PromptDiff:
    """Both versions with the lines that differ."""
    lines = difflib.unified_diff(
        one.text.splitlines(), other.text.splitlines(), _called(one), _called(other), lineterm=""
    )
    return PromptDiff(one=one, other=other, lines=tuple(lines))


def _called(version: PromptVersion) -> str:
    return f"{version.files[0] if version.files else 'released'}/{version.version[:12]}"


def _note(text: PromptText, texts: dict[str, str], files: dict[str, list[str]]) -> None:
    texts.setdefault(text.version, text.text)
    known = files.setdefault(text.version, [])
    if text.file not in known:
        known.append(text.file)


def _current(work: Workspace) -> list[PromptText]:
    names = dict.fromkeys(section.prompt for section in work.config.variants.values())
    return [PromptText(file=name, text=prompt_text(work, name)) for name in names]


def prompt_text(work: Workspace, name: str) -> str:
    """The template in a file as variants carry it."""
    return work.file(name).read_text(encoding="utf-8").rstrip("\n")
