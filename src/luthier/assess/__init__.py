"""Whether a problem is worth a model of its own: the charter, the failures of the baselines, the verdict."""
