"""Whether a variant may go out: gate, lineage, card and the approval of named people."""
