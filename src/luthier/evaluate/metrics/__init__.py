"""Metrics by name; importing this package registers those that come with Luthier."""

from luthier.evaluate.metrics import calls, text
from luthier.evaluate.metrics.metric import Attempt, Metric, UnknownMetrics, chosen, mean, metrics, share
from luthier.evaluate.safety import metrics as safety

__all__ = ["Attempt", "Metric", "UnknownMetrics", "calls", "chosen", "mean", "metrics", "safety", "share", "text"]
