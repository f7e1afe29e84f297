"""Safety suites of our own text, public ones, and what is measured on them (R73, R79, R80)."""
