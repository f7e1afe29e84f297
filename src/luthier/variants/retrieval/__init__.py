"""Documents cut into passages, and the index that finds them."""
