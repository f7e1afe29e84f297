"""Exact duplicates: how fast rows are found that are equal but for case and spacing, beside daft, DuckDB and polars.

    python benchmarks/exact_duplicates.py [--rows 1000000] [--times 3]

Every engine reads the same Parquet file and ends with the number of rows kept. Peers fold case and runs of white space
in the joined text; Luthier also folds width, invisible characters and look-alike letters, and compares messages with
their roles. Prints one JSON object an engine, and writes results/exact_duplicates.json.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measuring import Work, arguments, compare, told


def luthier() -> Work:
    """Digests of batches on two threads, then the first of each."""
    import numpy as np  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    from luthier.data.rows import MESSAGE  # noqa: PLC0415
    from luthier.text.digesting import conversation_digests, first_of_equal  # noqa: PLC0415

    conversation_digests(pa.array([[{"role": "user", "content": "warm"}]], pa.list_(MESSAGE)))

    def work(texts: Path, _: int) -> dict[str, object]:
        parts, waiting = [], []
        with ThreadPoolExecutor(2) as pool:
            for batch in pq.ParquetFile(texts).iter_batches(batch_size=10_000, columns=["messages"]):
                waiting.append(pool.submit(conversation_digests, batch.column(0)))
                if len(waiting) == 4:
                    parts.append(waiting.pop(0).result())
        found = np.concatenate([*parts, *(one.result() for one in waiting)])
        return {"kept": int((first_of_equal(found) == np.arange(len(found))).sum())}

    return work


def daft() -> Work:
    """Daft's own normalising, then distinct."""
    import daft as peer  # noqa: PLC0415

    def work(texts: Path, _: int) -> dict[str, object]:
        folded = peer.functions.normalize(peer.col("text"), lowercase=True, white_space=True)
        return {"kept": peer.read_parquet(str(texts)).select(folded.alias("text")).distinct().count_rows()}

    return work


def duckdb() -> Work:
    """Distinct digests of folded texts, on two threads."""
    import duckdb as peer  # noqa: PLC0415

    peer.sql("SET threads = 2")

    def work(texts: Path, _: int) -> dict[str, object]:
        folded = r"trim(regexp_replace(lower(text), '\s+', ' ', 'g'))"
        query = f"SELECT count(*) FROM (SELECT DISTINCT md5({folded}) FROM read_parquet('{texts}'))"
        return {"kept": peer.sql(query).fetchall()[0][0]}

    return work


def polars() -> Work:
    """Distinct 64-bit hashes of folded texts, streaming."""
    import polars as peer  # noqa: PLC0415

    def work(texts: Path, _: int) -> dict[str, object]:
        folded = peer.col("text").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars().hash()
        return {"kept": peer.scan_parquet(texts).select(folded.n_unique()).collect(engine="streaming").item()}

    return work


ENGINES = {"luthier": luthier, "daft": daft, "duckdb": duckdb, "polars": polars}


def main() -> None:
    """Compare all engines, or run one."""
    chosen = arguments(str(__doc__), ENGINES, rows=1_000_000, times=3)
    if chosen.engine:
        told(ENGINES[chosen.engine], chosen.texts, chosen.rows)
        return
    compare(__file__, dict.fromkeys(ENGINES, chosen.rows), rows=chosen.rows, times=chosen.times)


if __name__ == "__main__":
    main()
