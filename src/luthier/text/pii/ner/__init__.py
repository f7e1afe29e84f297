"""Names and places in text: a small tagger of our own, in numpy."""
