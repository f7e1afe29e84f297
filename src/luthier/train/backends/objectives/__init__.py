"""What may be learned, by the name of `train.method`; each module says what a row is and what its loss is."""
