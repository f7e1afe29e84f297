"""Taggers of other people; the only place here that imports torch or transformers."""
