"""Experiments around a run: what more data would buy, what settings would do, and what a curve tells."""
