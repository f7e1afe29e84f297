"""Near duplicates: speed and recall beside polars + numba, rensa, datasketch, datatrove, against exhaustive truth.

    python benchmarks/near_duplicates.py [--rows 1000000] [--times 3]

Speed: every engine reads the same Parquet file. Luthier does all rows, both grains, and verifies every candidate by its
true Jaccard; peers take word triples and 128 permutations (datatrove: its own 14 x 8 over five-grams, four steps, files
between them) and verify nothing; the slow ones do the first rows only, as `rows` says.

Truth: all pairs of the first 20,000 rows with Jaccard >= 0.5, from a sparse product of sets that Python made. Recall is
the share of them that an engine names, by Jaccard. Prints one JSON object an engine and threshold, and writes all to
results/near_duplicates.json.
"""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from measuring import Work, arguments, compare, told

BATCH = 10_000
THRESHOLD = 0.85
BINS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


def luthier() -> Work:
    """Keys on two threads; sets of the rows that share one, made again; links, clusters."""
    import numpy as np  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    from luthier.text.clusters import heads  # noqa: PLC0415
    from luthier.text.folding import folded  # noqa: PLC0415
    from luthier.text.near import crowded, links  # noqa: PLC0415
    from luthier.text.shingling import GRAINS, Sets, shingle_sets  # noqa: PLC0415
    from luthier.text.signatures import Bands, near_keys  # noqa: PLC0415

    bands = {grain: Bands.for_threshold(grain.threshold) for grain in GRAINS}

    def keys_of(texts: pa.Array) -> list[np.ndarray]:
        plain = folded(texts)
        return [near_keys(plain, grain, bands[grain]) for grain in GRAINS]

    def batches(texts: Path) -> Iterator[pa.Array]:
        return (batch.column(0) for batch in pq.ParquetFile(texts).iter_batches(batch_size=BATCH, columns=["text"]))

    def sets_of(texts: pa.Array, rows: list[np.ndarray]) -> list[Sets]:
        return [shingle_sets(folded(texts.take(pa.array(r))), g) for r, g in zip(rows, GRAINS, strict=True)]

    def work(texts: Path, rows: int) -> dict[str, object]:
        keys = [np.concatenate(part) for part in zip(*in_turn(keys_of, batches(texts)), strict=True)]
        kept = [crowded(part.T) for part in keys]
        starts = np.arange(0, rows + BATCH, BATCH)
        wanted = [[r[(r >= start) & (r < start + BATCH)] - start for r in kept] for start in starts]
        sets = [Sets.joined(list(part)) for part in zip(*in_turn(sets_of, batches(texts), wanted), strict=True)]
        found = [links(k[r], s, grain.threshold).of(r) for k, r, s, grain in zip(keys, kept, sets, GRAINS, strict=True)]
        one, other = (np.concatenate([getattr(pairs, name) for pairs in found]) for name in ("one", "other"))
        firsts = heads(rows, one, other)
        return {
            "kept": int((firsts == np.arange(rows)).sum()),
            "verified_links": len(one),
            "rows_that_share_a_key": sum(map(len, kept)),
            "cut_short": sum(pairs.cut_short for pairs in found),
        }

    everyday = folded(pa.array(["a warm up of some twelve words is what all of this needs, twice", "short"] * 2))
    for grain in GRAINS:  # every kernel once, so that the seconds hold no compiling
        keys, sets = near_keys(everyday, grain, bands[grain]), shingle_sets(everyday, grain)
        pairs = links(keys, sets.take(np.arange(4)), grain.threshold)
        crowded(keys.T)
        heads(4, pairs.one, pairs.other)
    return work


def in_turn(work: Callable[..., object], *columns: Iterator[object]) -> list[object]:
    """Results of `work` on two threads, in order, with at most four waiting."""
    results: list[object] = []
    waiting: list[Future[object]] = []
    with ThreadPoolExecutor(2) as pool:
        for arguments in zip(*columns, strict=False):
            waiting.append(pool.submit(work, *arguments))
            if len(waiting) == 4:
                results.append(waiting.pop(0).result())
    return results + [one.result() for one in waiting]


def polars_numba() -> Work:
    """Words hashed by polars; triples, 128 permutations, 16 x 8 bands in numba on two threads; nothing verified."""
    import numba  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    mixers = np.random.default_rng(1).integers(1, 2**63, size=(128, 2), dtype=np.uint64) | np.uint64(1)

    @numba.njit(parallel=True)
    def keys_of(words: np.ndarray, starts: np.ndarray, mixers: np.ndarray) -> np.ndarray:
        keys = np.empty((len(starts) - 1, 16), dtype=np.uint64)
        for row in numba.prange(len(starts) - 1):
            lowest = np.full(128, 0xFFFFFFFF, dtype=np.uint32)
            for at in range(starts[row], max(starts[row] + 1, starts[row + 1] - 2)):
                triple = words[at]
                for more in range(1, min(3, starts[row + 1] - at)):
                    triple = triple * np.uint64(0x9E3779B97F4A7C15) + words[at + more]
                for place in range(128):
                    mixed = np.uint32((triple * mixers[place, 0] + mixers[place, 1]) >> np.uint64(32))
                    lowest[place] = min(lowest[place], mixed)
            for band in range(16):
                key = np.uint64(band)
                for place in range(8):
                    key = key * np.uint64(0x100000001B3) + lowest[band * 8 + place]
                keys[row, band] = key
        return keys

    @numba.njit
    def repeats(order: np.ndarray, column: np.ndarray, is_repeat: np.ndarray) -> None:
        for at in range(1, len(order)):
            if column[order[at]] == column[order[at - 1]]:
                is_repeat[order[at]] = True

    def hashed(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        words = texts.str.to_lowercase().str.extract_all(r"\S+")
        starts = np.concatenate([[0], np.cumsum(words.list.len().to_numpy())]).astype(np.int64)
        return words.explode().hash(seed=1).to_numpy(), starts

    def work(texts: Path, rows: int) -> dict[str, object]:
        found = []
        for start in range(0, rows, 50_000):
            part = pl.scan_parquet(texts).select("text").slice(start, min(50_000, rows - start)).collect()["text"]
            found.append(keys_of(*hashed(part), mixers))
        keys = np.concatenate(found)
        is_repeat = np.zeros(rows, dtype=np.bool_)
        for band in range(16):
            repeats(np.argsort(keys[:, band], kind="stable"), keys[:, band], is_repeat)
        return {"kept": rows - int(is_repeat.sum())}

    words, starts = hashed(pl.Series(["a warm up of some words", "another one", "x"]))
    warm = keys_of(words, starts, mixers)
    repeats(np.argsort(warm[:, 0]), warm[:, 0], np.zeros(3, dtype=np.bool_))
    return work


def rensa() -> Work:
    """R-MinHash of word triples, its own LSH at the threshold."""
    from rensa import RMinHash, RMinHashLSH  # noqa: PLC0415

    def work(texts: Path, rows: int) -> dict[str, object]:
        index = RMinHashLSH(threshold=THRESHOLD, num_perm=128, num_bands=16)
        repeats = 0
        for row, shingles in enumerate(triples(texts, rows)):
            signature = RMinHash(num_perm=128, seed=42)
            signature.update(shingles)
            repeats += bool(index.query(signature))
            index.insert(row, signature)
        return {"kept": rows - repeats}

    return work


def datasketch() -> Work:
    """MinHash of word triples, updated in batches, its own LSH at the threshold."""
    from datasketch import MinHash, MinHashLSH  # noqa: PLC0415

    def work(texts: Path, rows: int) -> dict[str, object]:
        index = MinHashLSH(num_perm=128, params=(16, 8))
        repeats = 0
        for row, shingles in enumerate(triples(texts, rows)):
            signature = MinHash(num_perm=128)
            signature.update_batch([one.encode() for one in shingles])
            repeats += bool(index.query(signature))
            index.insert(str(row), signature)
        return {"kept": rows - repeats}

    return work


def datatrove() -> Work:
    """The four MinHash steps of its example, one worker, files in a temporary folder."""
    from datatrove.data import Document  # noqa: PLC0415
    from datatrove.pipeline.dedup import (  # noqa: PLC0415
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig  # noqa: PLC0415

    config = MinhashConfig()

    def work(texts: Path, rows: int) -> dict[str, object]:
        documents = [Document(text=text, id=str(row)) for row, text in enumerate(read(texts, rows))]
        with tempfile.TemporaryDirectory() as folder:
            MinhashDedupSignature(f"{folder}/sigs", config=config).run(iter(documents), 0, 1)
            for bucket in range(config.num_buckets):
                MinhashDedupBuckets(f"{folder}/sigs", f"{folder}/buckets", config=config).run(
                    None, bucket, config.num_buckets
                )
            MinhashDedupCluster(f"{folder}/buckets", f"{folder}/ids", config=config).run(None, 0, 1)
            kept = sum(1 for _ in MinhashDedupFilter(f"{folder}/ids").run(iter(documents), 0, 1))
        return {"kept": kept}

    return work


def read(texts: Path, rows: int) -> Iterator[str]:
    """The first texts of the file."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    done = 0
    for batch in pq.ParquetFile(texts).iter_batches(batch_size=BATCH, columns=["text"]):
        yield from batch.column(0).to_pylist()[: rows - done]
        done += len(batch)
        if done >= rows:
            return


def triples(texts: Path, rows: int) -> Iterator[list[str]]:
    """The word triples of each text, as the peers' own examples make them: lower case, split at white space."""
    for text in read(texts, rows):
        words = text.lower().split()
        yield list({" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2))})


def recall(texts: Path, rows: int) -> Iterator[dict[str, object]]:
    """Recall by Jaccard for keys cut for 0.85 and for 0.7, and how many candidates had to be verified for that."""
    import numpy as np  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    from luthier.text.clusters import heads  # noqa: PLC0415
    from luthier.text.folding import folded  # noqa: PLC0415
    from luthier.text.near import all_pairs, links  # noqa: PLC0415
    from luthier.text.shingling import LONG, shingle_sets  # noqa: PLC0415
    from luthier.text.signatures import Bands, near_keys  # noqa: PLC0415

    chosen = list(read(texts, rows))
    truth = true_pairs(chosen)
    plain = folded(pa.array(chosen))
    sets = shingle_sets(plain, LONG)
    for threshold in (THRESHOLD, 0.7):
        bands = Bands.for_threshold(threshold)
        keys = near_keys(plain, LONG, bands)
        pairs = all_pairs(keys, sets, BINS[0])
        found = dict(zip(zip(pairs.one.tolist(), pairs.other.tolist(), strict=True), pairs.jaccard, strict=True))
        wrong = sum(bool(abs(alike - truth.get(pair, 0.0)) > 1e-12) for pair, alike in found.items())
        by_bin = {}
        for low, high in zip(BINS, (*BINS[1:], 1.1), strict=True):
            there = [pair for pair, alike in truth.items() if low <= alike < high]
            by_bin[f"{low}-{min(high, 1.0)}"] = f"{sum(pair in found for pair in there)}/{len(there)}"
        linked = links(keys, sets, threshold)
        firsts = heads(rows, linked.one, linked.other)
        together = [pair for pair, alike in truth.items() if alike >= threshold]
        joined = sum(bool(firsts[one] == firsts[other]) for one, other in together)
        yield {
            "recall_at": threshold, "bands": [bands.count, bands.rows], "rows": rows, "named_of_all_pairs": by_bin,
            "in_one_cluster": f"{joined}/{len(together)}", "pairs_with_another_jaccard_than_python": wrong,
            "links_below_threshold": int(np.count_nonzero(linked.jaccard < threshold)),
        }  # fmt: skip


def true_pairs(texts: list[str]) -> dict[tuple[int, int], float]:
    """Every pair with Jaccard >= 0.5 of word triples, for texts of 12 words or more; no kernel has a part in it."""
    import numpy as np  # noqa: PLC0415
    from scipy.sparse import csr_array  # noqa: PLC0415

    from luthier.text.normalise import words  # noqa: PLC0415

    known: dict[tuple[str, ...], int] = {}
    indices: list[int] = []
    starts = [0]
    for text in texts:
        told = words(text)
        shingles = {tuple(told[at : at + 3]) for at in range(len(told) - 2)} if len(told) >= 12 else set()
        indices += sorted(known.setdefault(one, len(known)) for one in shingles)
        starts.append(len(indices))
    matrix = csr_array((np.ones(len(indices), np.int32), indices, starts), shape=(len(texts), len(known)))
    sizes = np.diff(starts)
    pairs = {}
    for start in range(0, len(texts), 1_000):
        shared = (matrix[start : start + 1_000] @ matrix.T).tocoo()
        one, other = shared.row + start, shared.col
        alike = shared.data / (sizes[one] + sizes[other] - shared.data)
        kept = (one < other) & (alike >= BINS[0])
        columns = (column[kept].tolist() for column in (one, other, alike))
        pairs |= {(i, j): j_ij for i, j, j_ij in zip(*columns, strict=True)}
    return pairs


ENGINES = {
    "luthier": luthier,
    "polars_numba": polars_numba,
    "rensa": rensa,
    "datasketch": datasketch,
    "datatrove": datatrove,
}
MOST_ROWS = {"rensa": 100_000, "datasketch": 20_000, "datatrove": 5_000}
TRUTH_ROWS = 20_000


def main() -> None:
    """Compare all engines and measure recall, or run one engine."""
    chosen = arguments(str(__doc__), ENGINES, rows=1_000_000, times=3)
    if chosen.engine:
        told(ENGINES[chosen.engine], chosen.texts, chosen.rows)
        return
    most = {engine: MOST_ROWS.get(engine, chosen.rows) for engine in ENGINES}
    truth = min(chosen.rows, TRUTH_ROWS)
    compare(__file__, most, rows=chosen.rows, times=chosen.times, also=lambda texts: recall(texts, truth))


if __name__ == "__main__":
    main()
