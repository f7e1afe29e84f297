"""Which links of the chain are due, who must act, and where results are kept."""
