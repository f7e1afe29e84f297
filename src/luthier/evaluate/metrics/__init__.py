"""Metrics by name; importing this package registers those that come with Luthier."""

from luthier.evaluate.metrics import (
    calls,
    citations,
    grounded,
    labels,
    leaks,
    likeness,
    refusal,
    repeats,
    rouge,
    shape,
    text,
    took,
    translation,
)
from luthier.evaluate.metrics.metric import Attempt, Metric, UnknownMetrics, chosen, mean, metrics, share
from luthier.evaluate.metrics.pooled import Pooled

__all__ = [
    "Attempt",
    "Metric",
    "Pooled",
    "UnknownMetrics",
    "calls",
    "chosen",
    "citations",
    "grounded",
    "labels",
    "leaks",
    "likeness",
    "mean",
    "metrics",
    "refusal",
    "repeats",
    "rouge",
    "shape",
    "share",
    "text",
    "took",
    "translation",
]
