"""General ability before and after tuning (R69)."""
