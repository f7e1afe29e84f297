"""Before a run: what it trains, what it needs, how long it takes, what it costs, and where it fits."""
