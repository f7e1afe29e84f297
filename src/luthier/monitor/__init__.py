"""What serving shows over time: drift against the training data, and failures that become examples."""
