"""How a build runs: sources cut into pieces, pieces shaped into shards, passes over narrow columns, Parquet parts."""
