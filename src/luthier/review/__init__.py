"""Two people look at every row before it may teach; who disagrees goes to a third."""
