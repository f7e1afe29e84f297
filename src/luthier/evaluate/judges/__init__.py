"""Judges: a model that marks answers or picks the better of two, and the licence it needs before it may gate."""
