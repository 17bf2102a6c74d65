"""Other libraries' facility location and k-means, and the objectives that all are measured by.

apricot is given our sparse kernel, which it needs as a whole; submodlib makes one of its own, of
cosines to the nearest rows. Both times are with the kernel.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from benchmarks.large_pools import PARAMS
from rayal.kernels.clustering import unit_rows
from rayal.kernels.gemm_distances import chunks, squared_distances
from rayal.kernels.neighbor_graph import two_hop_kernel

Features = npt.NDArray[Any]
Picks = npt.NDArray[np.int64]
NEIGHBORS = 10
RESTARTS = 5


def nearest_squared(features: Features, picks: Picks) -> npt.NDArray[np.float64]:
    """Return the squared distance (N,) of each row of unit length to the nearest pick."""
    chosen = unit_rows(features[picks])
    parts = (unit_rows(features[rows]) for rows in chunks(len(features)))
    nearest = [np.maximum(squared_distances(p, chosen).min(axis=1), 0) for p in parts]
    return np.concatenate(nearest).astype(np.float64)


def _inertia(features: Features, picks: Picks) -> float:
    """1 / the mean squared distance to the nearest pick: k-means picks one near each center."""
    return float(1 / nearest_squared(features, picks).mean())


def _smooth(features: Features, picks: Picks) -> float:
    return float(np.exp(-nearest_squared(features, picks)).mean())


def _covered(features: Features, picks: Picks) -> float:
    return float((nearest_squared(features, picks) < PARAMS["probcover"]["delta"] ** 2).mean())


def _graph_cover(features: Features, picks: Picks) -> float:
    assert isinstance(features, np.memmap)  # its file names the kernel that is kept
    return float(_kernel(str(features.filename))[picks].max(axis=0).toarray().sum())


@lru_cache(maxsize=1)
def _kernel(path: str) -> Any:
    return two_hop_kernel(unit_rows(np.load(path, mmap_mode="r")), NEIGHBORS)


def _radius(features: Features, picks: Picks) -> float:
    """1 / the largest distance of a row, as it is, to the nearest pick."""
    parts = (features[rows] for rows in chunks(len(features)))
    return float(
        1 / np.sqrt(max(squared_distances(p, features[picks]).min(axis=1).max() for p in parts))
    )


def _typicality(features: Features, picks: Picks) -> float:
    """Mean inverse of the mean distance to the 20 nearest of all rows."""
    chosen = unit_rows(features[picks])
    nearest = np.full((len(picks), 21), np.inf, dtype=np.float32)
    for rows in chunks(len(features)):
        away = squared_distances(chosen, unit_rows(features[rows]))
        nearest = np.partition(np.concatenate([nearest, away], axis=1), 20, axis=1)[:, :21]
    others = np.sort(np.maximum(nearest, 0), axis=1)[:, 1:]
    return float((1 / np.sqrt(others).mean(axis=1)).mean())


OBJECTIVES: dict[str, Callable[[Features, Picks], float]] = {
    "k_center": _radius,
    "kmeans": _inertia,
    "facility_location": _graph_cover,
    "typiclust": _typicality,
    "maxherding": _smooth,
    "probcover": _covered,
}


def _apricot(features: Features, budget: int) -> Any:
    from apricot import FacilityLocationSelection

    kernel = csr_matrix(two_hop_kernel(unit_rows(features), NEIGHBORS))
    chosen = FacilityLocationSelection(budget, metric="precomputed", optimizer="lazy").fit(kernel)
    return chosen.ranking


def _submodlib(features: Features, budget: int) -> Any:
    from submodlib import FacilityLocationFunction

    function = FacilityLocationFunction(
        n=len(features),
        mode="sparse",
        data=unit_rows(features),
        metric="cosine",
        num_neighbors=NEIGHBORS,
    )
    chosen = function.maximize(budget=budget, optimizer="LazyGreedy", show_progress=False)
    return [row for row, _ in chosen]


def _nearest_rows(points: Features, centers: Features) -> Any:
    import faiss

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    return np.unique(index.search(np.ascontiguousarray(centers, np.float32), 1)[1])


def _scikit_learn(features: Features, budget: int) -> Any:
    from sklearn.cluster import KMeans

    points = unit_rows(features)
    clustering = KMeans(budget, n_init=RESTARTS, max_iter=20, random_state=0).fit(points)
    return _nearest_rows(points, clustering.cluster_centers_)


def _mini_batches(features: Features, budget: int) -> Any:
    from sklearn.cluster import MiniBatchKMeans

    points = unit_rows(features)
    clustering = MiniBatchKMeans(budget, n_init=RESTARTS, random_state=0).fit(points)
    return _nearest_rows(points, clustering.cluster_centers_)


def _faiss(features: Features, budget: int) -> Any:
    import faiss

    points = unit_rows(features)
    trainer = faiss.Kmeans(points.shape[1], budget, niter=20, nredo=RESTARTS, seed=1)
    trainer.train(points)
    assert trainer.centroids is not None
    return _nearest_rows(points, trainer.centroids)


PEERS: dict[str, Callable[[Features, int], Any]] = {
    "apricot": _apricot,
    "submodlib": _submodlib,
    "scikit-learn": _scikit_learn,
    "scikit-learn, mini-batches": _mini_batches,
    "faiss (a sample)": _faiss,
}
_OF = {
    "facility_location": {"apricot": "apricot", "submodlib": "submodlib"},
    "kmeans": {
        "scikit-learn": "sklearn",
        "scikit-learn, mini-batches": "sklearn",
        "faiss (a sample)": "faiss",
    },
}


def rivals(strategy: str) -> list[str]:
    """Return the libraries that can be imported, by the names of PEERS."""
    modules = _OF.get(strategy, {})
    return [name for name, module in modules.items() if importlib.util.find_spec(module)]
