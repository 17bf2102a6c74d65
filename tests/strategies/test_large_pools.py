"""Strategies in pools that are large: the size from which on a pool is, is lowered here."""

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rayal
from rayal.contracts import UNLABELED, Pool
from rayal.kernels import cells, sampled_ball_cover, sampled_clustering, sampled_herding
from rayal.registry import STRATEGIES
from rayal.strategies import _cluster_representatives, _large_pools

pytestmark = pytest.mark.slow

N, D, B = 1200, 16, 8
PARAMS: dict[str, dict[str, Any]] = {"probcover": {"delta": 0.7}}
APPROXIMATE = ["facility_location", "kmeans", "maxherding", "probcover", "tcm", "typiclust"]
UNCHANGED = ["farthest_point", "k_center"]  # another way to the same picks


@pytest.fixture
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_large_pools, "LARGE", 200)
    monkeypatch.setattr(sampled_clustering, "FEWEST", 400)
    monkeypatch.setattr(sampled_herding, "FEWEST", 400)
    monkeypatch.setattr(sampled_herding, "CANDIDATES", 400)
    monkeypatch.setattr(sampled_ball_cover, "CENTERS", 400)
    monkeypatch.setattr(sampled_ball_cover, "POINTS", 800)
    monkeypatch.setattr(cells.part_into_cells, "__defaults__", (50,))


def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(20, D))
    made = centers[rng.integers(20, size=N)] + 0.4 * rng.normal(size=(N, D))
    return made.astype(np.float16).astype(np.float32)


def query(name: str, given: np.ndarray, seed: int = 0, **params: Any) -> list[int]:
    labels = np.full(N, UNLABELED)
    labels[[5, 70]] = 0, 1
    params = {**PARAMS.get(name, {}), **params}
    return rayal.query(name, B, features=given, labels=labels, seed=seed, **params).tolist()


def ask(name: str, seed: int = 0, **params: Any) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return query(name, features(), seed, **params)


@pytest.mark.usefixtures("_large")
@pytest.mark.parametrize("name", APPROXIMATE)
def test_one_line_says_that_the_choice_is_approximate(name: str) -> None:
    with pytest.warns(UserWarning, match="images are more than") as said:
        query(name, features())
    assert len(said) == 1
    assert str(said[0].message).startswith(f"{name}: ")
    assert "more than 200" in str(said[0].message)
    assert "exact: true" in str(said[0].message)


@pytest.mark.usefixtures("_large")
def test_very_many_clusters_are_found_in_two_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cluster_representatives, "MANY", B - 1)
    with pytest.warns(UserWarning, match="clusters are found in two levels"):
        chosen = query("kmeans", features())
    assert len(set(chosen)) == B
    assert chosen != ask("kmeans", exact=True)


@pytest.mark.parametrize("name", APPROXIMATE)
def test_exact_insists_on_the_choice_of_small_pools(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_ever = ask(name)
    monkeypatch.setattr(_large_pools, "LARGE", 200)
    assert query(name, features(), exact=True) == as_ever


@pytest.mark.parametrize("name", UNCHANGED)
def test_a_faster_way_to_the_same_picks_needs_no_word(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_ever = query(name, features())
    monkeypatch.setattr(_large_pools, "LARGE", 200)
    assert query(name, features()) == as_ever


@pytest.mark.usefixtures("_large")
@pytest.mark.parametrize("name", [*APPROXIMATE, *UNCHANGED, "auto", "uherding"])
def test_choices_are_repeatable(name: str) -> None:
    assert ask(name, seed=3) == ask(name, seed=3)


def test_exact_is_no_part_of_a_trial_that_does_not_ask_for_it() -> None:
    for name in [*APPROXIMATE, "uherding"]:
        assert "exact" in STRATEGIES.find(name).traits.added


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40,000 x 64 numbers as float32.npy and float16.npy."""
    folder = tmp_path_factory.mktemp("features")
    centers = np.random.default_rng(0).normal(size=(50, 64))
    rng = np.random.default_rng(1)
    made = (centers[rng.integers(50, size=40_000)] + rng.normal(size=(40_000, 64)) / 4) / 8
    for dtype in ("float32", "float16"):
        np.save(folder / f"{dtype}.npy", made.astype(dtype))
    return folder


@pytest.mark.usefixtures("_large")
@pytest.mark.parametrize("name", [*APPROXIMATE, *UNCHANGED, "uherding"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_mapped_file_is_not_copied(
    name: str, dtype: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells.part_into_cells, "__defaults__", (500,))
    mapped = np.load(folder / f"{dtype}.npy", mmap_mode="r")
    pool = Pool(mapped, np.full(len(mapped), UNLABELED), 3)
    component = STRATEGIES.find(name)
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            bound = component.bind(PARAMS.get(name, {}))
            chosen = component.function(pool, 4, np.random.default_rng(0), **bound)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(np.unique(chosen)) == 4
    # Bytes of positions, gains and the like; the graph of neighbors has more for each image.
    lists = (1500 if name == "facility_location" else 150) * len(mapped)
    assert peak < 4 * mapped.size / 2 + lists
