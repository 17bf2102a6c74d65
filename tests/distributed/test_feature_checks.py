"""Features over shards by which nothing can be chosen: refused, as on one machine."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from rayal.array_query import query
from rayal.distributed.selecting import select_from_shards
from rayal.distributed.strategies import STRATEGIES
from rayal.storage.files import DamagedError
from rayal.storage.shard_set import ShardSet
from rayal.storage.shards import Batch, write_shards

X = np.random.default_rng(0).standard_normal((24, 4)).astype(np.float32)
IDS = [str(i) for i in range(24)]
SEEING = [name for name, strategy in STRATEGIES.items() if strategy.sees]


def pool_of(folder: Path, features: np.ndarray) -> ShardSet:
    return write_shards(folder, [Batch(IDS[: len(features)], features)], rows_per_shard=5)


def refused(match: str, pool: ShardSet, name: str) -> None:
    with pytest.raises(ValueError, match=match):
        select_from_shards(pool.root, name, 3)


@pytest.mark.parametrize("name", SEEING)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_features_that_are_all_the_same_are_refused(
    tmp_path: Path, name: str, value: float
) -> None:
    pool = pool_of(tmp_path, np.full_like(X, value))
    refused("are the same in all 24 rows: whatever it chose would be no choice", pool, name)
    with pytest.raises(ValueError, match="whatever it chose would be no choice"):
        query(name, features=np.full_like(X, value), budget=3)


@pytest.mark.parametrize("name", SEEING)
def test_features_whose_squares_vanish_are_refused(tmp_path: Path, name: str) -> None:
    refused("squared distances between them vanish", pool_of(tmp_path, X * 1e-20), name)


def test_directions_that_are_all_the_same_are_refused_where_lengths_are_not_seen(
    tmp_path: Path,
) -> None:
    pool = pool_of(tmp_path, X + np.float32(1e6))
    assert len(select_from_shards(pool.root, "k_center", 3).ids) == 3
    for name in set(SEEING) - {"k_center"}:
        refused("features scaled to unit length.*; subtract the mean of the features", pool, name)


def test_features_that_differ_in_the_last_shard_alone_are_features(tmp_path: Path) -> None:
    late = np.ones_like(X)
    late[-1] = [1, 0, 0, 0]
    pool = pool_of(tmp_path, late)
    assert set(select_from_shards(pool.root, "k_center", 2, seed=1).ids) > {"23"}


def test_a_strategy_without_features_and_a_single_row_choose(tmp_path: Path) -> None:
    pool = pool_of(tmp_path / "same", np.ones_like(X))
    assert len(select_from_shards(pool.root, "random", 3).ids) == 3
    single = pool_of(tmp_path / "single", X[:1])
    for name in SEEING:
        assert select_from_shards(single.root, name, 1).ids == ("0",)


@pytest.mark.parametrize("name", ["k_center", "kmeans"])
def test_chosen_rows_with_equal_features_are_warned_of(tmp_path: Path, name: str) -> None:
    pool = pool_of(tmp_path, np.repeat(X[:3], 8, axis=0))
    with pytest.warns(UserWarning, match=f"{name}: features tell 3 of the 5 chosen rows apart"):
        select_from_shards(pool.root, name, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        select_from_shards(pool.root, name, 3)


def test_directions_that_cosines_hardly_tell_apart_are_warned_of(tmp_path: Path) -> None:
    pool = pool_of(tmp_path / "far", X + 1e4)
    with pytest.warns(UserWarning, match=r"facility_location: .* differ by less than 0.001"):
        select_from_shards(pool.root, "facility_location", 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        select_from_shards(pool.root, "kmeans", 5)
        select_from_shards(pool_of(tmp_path / "near", X).root, "facility_location", 5)


def test_a_choice_names_the_rows_that_it_was_made_from(tmp_path: Path) -> None:
    pool = pool_of(tmp_path, X)
    assert select_from_shards(pool.root, "random", 3).content == pool.content


@pytest.mark.parametrize(
    ("changed", "name", "message"),
    [
        ({"classes": 3}, "margin", "probs.npy is missing, and the shards are said to have"),
        ({"has_scores": True}, "scores", "scores.npy is missing"),
        ({"classes": float("inf")}, "random", "cannot be read"),
        ({"classes": -1}, "random", "cannot be read: its number of classes is -1"),
    ],
)
def test_a_manifest_that_promises_what_is_not_there_is_damaged(
    tmp_path: Path, changed: dict[str, object], name: str, message: str
) -> None:
    pool = pool_of(tmp_path, X)
    manifest = tmp_path / "shards.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, **changed}))
    with pytest.raises(DamagedError, match=message):
        select_from_shards(pool.root, name, 3)
