"""Small pools in shards."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rayal.storage.shard_set import ShardSet
from rayal.storage.shards import Batch, write_shards

N, D, C = 1600, 8, 4
RNG = np.random.default_rng(1)
CENTERS = RNG.standard_normal((12, D)) * 3
X = (CENTERS[RNG.integers(12, size=N)] + RNG.standard_normal((N, D))).astype(np.float32)
X[700:710] = X[3]  # equal rows in several shards
PROBS = RNG.dirichlet(np.full(C, 0.5) * [1, 1, 2, 4], N).astype(np.float32)
PROBS[100:900:50] = 1 / C  # equal scores
SCORES = np.round(RNG.random(N), 2).astype(np.float32)
IDS = [f"row {i}" for i in range(N)]
LABELS = {f"row {i}": i % C for i in (3, 40, 705, 1599)}


def write_pool(folder: Path, shards: int, dtype: str = "float32") -> ShardSet:
    """Write the same rows into so many shards."""
    return write_shards(folder, batches(), rows_per_shard=-(-N // shards), dtype=dtype)  # type: ignore[arg-type]


def batches(size: int = 500) -> Iterator[Batch]:
    for start in range(0, N, size):
        rows = slice(start, start + size)
        yield Batch(IDS[rows], X[rows], PROBS[rows], SCORES[rows])
