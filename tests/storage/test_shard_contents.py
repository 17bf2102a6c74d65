"""Rows of shards as one sequence, on each kind of storage."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from rayal.registry import DATASETS
from rayal.storage.files import DamagedError, files_of
from rayal.storage.location import Location
from rayal.storage.shard_contents import ShardIds, feature_parts
from rayal.storage.shard_set import ShardSet
from rayal.storage.shards import Batch, write_shards

N = 10
IDS = [f"cell {i}" for i in range(N)]
MATRIX = np.arange(2 * N, dtype=np.float16).reshape(N, 2)


def written(place: Location) -> ShardSet:
    return write_shards(place, [Batch(IDS, MATRIX)], dtype="float16", rows_per_shard=4)


def test_ids_and_features_are_those_of_all_shards_in_order(root: Location) -> None:
    shards = written(root)
    ids = ShardIds(shards)
    assert list(ids) == IDS
    assert len(ids) == N
    assert [ids[i] for i in range(N)] == IDS
    assert ids[-1] == IDS[-1]
    assert ids[2:9:3] == IDS[2:9:3]
    with pytest.raises(IndexError):
        ids[N]
    assert list(pickle.loads(pickle.dumps(ids))) == IDS
    parts = list(feature_parts(shards))
    assert [len(part) for part in parts] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(parts), MATRIX)


def test_shards_are_a_dataset_wherever_they_lie(root: Location) -> None:
    written(root)
    held_out, others = root.parent / "held-out", ["other a", "other b"]
    write_shards(held_out, [Batch(others, MATRIX[:2] + np.float16(1))], dtype="float16")
    labels = root.parent / "labels.csv"
    rows = "".join(f"{name},{'ab'[i % 2]}\n" for i, name in enumerate([*IDS, *others]))
    files_of(labels).write(labels, f"id,label\n{rows}".encode())
    data = DATASETS.find("shards").function(path=str(root), test=str(held_out), labels=str(labels))
    assert (data.name, data.classes) == (root.name, ("a", "b"))
    assert data.train.labels.tolist() == [i % 2 for i in range(N)]
    assert data.test.labels.tolist() == [0, 1]


def test_a_shard_with_other_rows_than_the_manifest_says_is_named(tmp_path: Path) -> None:
    shards = written(tmp_path / "pool")
    first, last = (tmp_path / "pool" / shard.name / "rows.parquet" for shard in shards.shards[::2])
    first.write_bytes(last.read_bytes())
    with pytest.raises(DamagedError, match=r"rows\.parquet has 2 ids, and shards\.json says 4"):
        list(ShardIds(shards))
    first.write_bytes(b"no parquet")
    with pytest.raises(DamagedError, match=r"rows\.parquet cannot be read"):
        list(ShardIds(shards))
