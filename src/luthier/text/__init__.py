"""What we know about text: normalising, shingles and signatures, vectors, personal data."""
