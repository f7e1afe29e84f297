"""Rows that a model wrote, from strata and seed rows; each says so, and each is validated before a person looks at it."""
