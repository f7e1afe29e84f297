"""Tuning at a provider: rows go up, a job runs there, and the name of a model comes back."""
