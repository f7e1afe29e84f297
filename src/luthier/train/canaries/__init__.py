"""Made-up secrets planted among training rows, and how much of them a model gives away afterwards (B11)."""
