"""Rows that a model wrote, from strata and seed rows; each says so and is validated before a person sees it."""
