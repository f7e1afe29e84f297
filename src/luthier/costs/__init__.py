"""What the project costs, per task that it really solves, and when it has paid for itself."""
