"""The recipe of the bundled tagger of names."""
