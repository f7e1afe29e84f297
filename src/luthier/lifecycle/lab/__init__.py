"""Experiments of a project: the run table, learning curves, searches, and the ladder, over what the store holds."""
