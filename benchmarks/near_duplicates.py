"""Near duplicates: speed and recall beside rensa, datasketch and datatrove, against exhaustive truth.

    python benchmarks/records.py --rows 1000000 --out DIR
    python benchmarks/near_duplicates.py --records DIR/records.jsonl [--times 1] [--truth 20000]

Speed: every engine reads the same Parquet file. Luthier does all rows, both grains, and verifies every candidate by its
true Jaccard; peers take word triples and 128 permutations (datatrove: its own 14 x 8 over five-grams, four steps, files
between them) and verify nothing; the slow ones do the first rows only, as `rows` says.

Truth: all pairs of the first 20,000 rows with Jaccard >= 0.5, from a sparse product of sets that Python made. Recall is
the share of them that an engine names, by Jaccard. Prints one JSON object an engine and threshold.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from measuring import Work, as_texts, run_apart, told

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


ENGINES = {"luthier": luthier, "rensa": rensa, "datasketch": datasketch, "datatrove": datatrove}
MOST_ROWS = {"luthier": 1_000_000, "rensa": 100_000, "datasketch": 20_000, "datatrove": 5_000}


def main() -> None:
    """Compare all engines and measure recall, or run one engine."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--records", type=Path)
    asked.add_argument("--times", type=int, default=1)
    asked.add_argument("--truth", type=int, default=20_000, help="Rows of which all pairs are compared.")
    asked.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    asked.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    asked.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if chosen.engine:
        told(ENGINES[chosen.engine], chosen.texts, chosen.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        texts = as_texts(chosen.records, Path(folder))
        with chosen.records.open("rb") as file:
            rows = sum(1 for _ in file)
        for engine in ENGINES:
            most = min(rows, MOST_ROWS[engine])
            print(json.dumps(run_apart(__file__, engine, texts, most, times=chosen.times)), flush=True)
        for told_of in recall(texts, min(rows, chosen.truth)):
            print(json.dumps(told_of), flush=True)


if __name__ == "__main__":
    main()
