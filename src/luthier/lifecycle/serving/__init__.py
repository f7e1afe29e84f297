"""The processes that serve a project, each wired to the store here and nowhere else."""
