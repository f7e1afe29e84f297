"""Where tasks run: in this process, in a pool of processes, or on a Ray cluster. The results are the same."""
