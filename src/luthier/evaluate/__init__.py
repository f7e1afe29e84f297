"""What a variant is worth on rows it never saw: figures with their doubt, per stratum, and paired comparisons."""
