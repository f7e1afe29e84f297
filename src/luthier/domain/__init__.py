"""Frozen values and the arithmetic on them; no clock, no file, no socket."""
