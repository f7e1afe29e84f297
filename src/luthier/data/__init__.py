"""From raw sources to a frozen snapshot: read, clean, mask, de-duplicate, split, and block what leaks."""
