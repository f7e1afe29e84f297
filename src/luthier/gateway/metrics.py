"""Counts and times of one worker, as Prometheus reads them. Labels are few and fixed: no id, no user, no content."""

import bisect
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
Labels = tuple[str, ...]


@dataclass
class Histogram:
    """Observations by upper bound."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self.counts[bisect.bisect_left(BOUNDS, value)] += 1
        self.total += value

    def lines(self, name: str, labels: str) -> Iterable[str]:
        """Cumulative buckets, sum and count."""
        running = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            running += count
            yield f'{name}_bucket{{{labels}le="{bound}"}} {running}'
        inner = labels.rstrip(",")
        yield f"{name}_sum{{{inner}}} {self.total}"
        yield f"{name}_count{{{inner}}} {running}"


COUNTERS = {
    "luthier_requests_total": ("Requests by path and status.", ("path", "status")),
    "luthier_answers_total": ("Answers by release, arm and whether one came.", ("release", "arm", "outcome")),
    "luthier_tokens_total": ("Tokens by release and kind.", ("release", "kind")),
    "luthier_guards_total": ("What guards did, by guard and outcome.", ("guard", "outcome")),
    "luthier_backend_failures_total": ("Failures of back ends by engine and word.", ("engine", "fault")),
    "luthier_retries_total": ("Tries beyond the first, by engine.", ("engine",)),
    "luthier_fallbacks_total": (
        "Requests that another route than theirs answered, by engine that failed.",
        ("engine",),
    ),
    "luthier_stream_chunks_total": ("Chunks sent in streams.", ()),
}
HISTOGRAMS = {
    "luthier_request_seconds": ("Time from request to answer.", ("arm",)),
    "luthier_backend_seconds": ("Part of it that back ends took.", ("engine",)),
}


@dataclass
class Metrics:
    """Everything that one worker counts."""

    counters: dict[str, Counter[Labels]] = field(default_factory=lambda: {name: Counter() for name in COUNTERS})
    histograms: dict[str, dict[Labels, Histogram]] = field(default_factory=lambda: {name: {} for name in HISTOGRAMS})

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a counter."""
        self.counters[name][labels] += by

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Add to a histogram."""
        kept = self.histograms[name]
        found = kept.get(labels)
        if found is None:
            found = kept[labels] = Histogram()
        found.observe(value)

    def text(self, gauges: dict[str, tuple[str, dict[str, float]]]) -> bytes:
        """The exposition; `gauges` are name -> help and label text -> value, as they stand now."""
        lines: list[str] = []
        for name, (told, names) in COUNTERS.items():
            lines += [f"# HELP {name} {told}", f"# TYPE {name} counter"]
            lines += [f"{name}{_braced(names, labels)} {n}" for labels, n in sorted(self.counters[name].items())]
        for name, (told, names) in HISTOGRAMS.items():
            lines += [f"# HELP {name} {told}", f"# TYPE {name} histogram"]
            for labels, histogram in sorted(self.histograms[name].items()):
                lines += histogram.lines(name, _inner(names, labels) + ",")
        for name, (told, values) in gauges.items():
            lines += [f"# HELP {name} {told}", f"# TYPE {name} gauge"]
            lines += [f"{name}{labels} {value:g}" for labels, value in sorted(values.items())]
        return ("\n".join(lines) + "\n").encode()


def _inner(names: Labels, values: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))


def _braced(names: Labels, values: Labels) -> str:
    return f"{{{_inner(names, values)}}}" if names else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
