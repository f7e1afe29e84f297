"""One module per link of the chain: it fetches a stage's inputs, runs the stage, and keeps what it returns."""
