"""Training in this process, on its CPU or its one accelerator."""
