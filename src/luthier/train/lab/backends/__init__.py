"""Libraries that an experiment needs and a run does not."""
