"""HaCon's initial query: hard-to-contrast images of each cluster (Algorithm 1).

Chen et al., "Making Your First Choice: To Address Cold Start Problem in Medical Active Learning".
The paper takes B / K of each cluster and leaves open what happens when K does not divide B; here
the clusters take turns in a random order, as in the released code, which answers every B.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import PositiveInt

from rayal.contracts import DatasetMap, Indices, Pool, strategy
from rayal.kernels import distances
from rayal.kernels.clustering import kmeans
from rayal.kernels.ranking import highest_first, round_robin
from rayal.kernels.umap import umap2d

Order: TypeAlias = Literal[
    "hard_to_contrast",
    "easy_to_contrast",
    "ambiguous",
    "hard_to_learn",
    "easy_to_learn",
    "centroid",
]
Space: TypeAlias = Literal["features", "umap2d", "pixels", "none"]
Matrix: TypeAlias = npt.NDArray[np.float32]

_BY_TRUTH = ("hard_to_learn", "easy_to_learn")


def _needs(params: Mapping[str, object]) -> set[str]:
    kind = "truth_map" if params["order"] in _BY_TRUTH else "map"
    of_map = set() if params["order"] == "centroid" else {kind}
    return of_map | ({"images"} if params["cluster"] == "pixels" else set())


def _oracle(params: Mapping[str, object]) -> bool:
    return params["order"] in _BY_TRUTH


def _check(params: Mapping[str, Any], N: int, encoder: Mapping[str, Any]) -> None:
    """Refuse a temperature that the encoder's map will not have."""
    taus = encoder.get("taus")
    if "map" in _needs(params) and taus is not None and params["tau"] not in taus:
        raise ValueError(
            f"it asks for tau={params['tau']:g}, and the encoder's map has taus "
            f"{', '.join(f'{tau:g}' for tau in taus)}"
        )


@strategy(needs=_needs, oracle=_oracle, check=_check)
def hacon(  # noqa: PLR0913  the maps and the ablations of one algorithm
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    k: PositiveInt | Literal["budget"] = 30,
    tau: float = 0.05,
    order: Order = "hard_to_contrast",
    cluster: Space = "features",
) -> Indices:
    """Take images from K clusters in turn; inside a cluster in the order of a parameter.

    The whole pool becomes one ranking, in which labeled images are passed over: budgets nest
    (unless k is "budget"), and a second query with the same seed goes on where the first ended. A
    sweep seeds each query anew: there a later one has clusters and turns of its own. Images of
    equal keys follow by chance, as many do at tau .001 after few epochs: their confidence is 0.

    Cost: k-means: O(N D K) a step, 20 steps, 5 restarts; umap2d takes minutes for N of tens of
    thousands.

    Use: for the first query, if the encoder was trained on this pool; the released maps were made
    with tau .001.

    Source: Chen et al. 2023 (HaCon), Algorithm 1; the maps by true labels are Swayamdipta et al.
    2020.

    Args:
        pool: features (N, D), the map, or the images, as `order` and `cluster` need them.
        budget: B.
        rng: seeds the clustering, shuffles the clusters' turns and images of equal keys.
        k: clusters, or "budget" for K = B (the best in Fig. 17); at most N.
        tau: temperature of the map; the released maps were computed at .001.
        order: confidence ascending (hard to contrast) or descending (easy), variability descending
            (ambiguous); the same of the map by true labels, which makes the choice an oracle's
            (hard and easy to learn); or distance to the cluster's center ascending (centroid).
        cluster: what k-means runs on. umap2d, a plane made from the features by UMAP, is what the
            released code clusters; pixels and none, which is one cluster, are ablations of Fig. 3.

    Returns:
        (B,) positions.

    Raises:
        ValueError: no map of this kind, none of temperature tau, no images, or umap-learn is not
            installed.
    """
    clusters, to_center = _clustered(pool, cluster, budget if k == "budget" else k, rng)
    keys = to_center
    if order != "centroid":
        keys = _map_keys(pool.map, order, tau)
        _warn_if_tied(keys, budget, order)
    turns = rng.permutation(clusters.max() + 1)
    ranking = round_robin(highest_first(-keys, rng), clusters, turns)
    return ranking[np.isin(ranking, pool.unlabeled)][:budget]


def _warn_if_tied(keys: Matrix, budget: int, order: Order) -> None:
    """Warn where more images than are asked for are all first in the order."""
    first = int(np.sum(keys == keys.min(initial=np.inf)))
    if first > budget:
        warnings.warn(
            f"hacon: {first:,} of {len(keys):,} images are equally first by order: {order}, and "
            "chance decides among them; a map of few epochs has no variability, and at a small tau "
            "no confidence: train longer, or give a larger tau",
            stacklevel=2,
        )


def _clustered(
    pool: Pool, space: Space, k: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Matrix]:
    """Return clusters (N,) and squared distances (N,) to their centers."""
    points = _points(pool, space, rng)
    clusters, centers = kmeans(points, 1 if space == "none" else k, rng)
    return clusters, distances.to_own_center(points, clusters, centers)


def _map_keys(table: DatasetMap | None, order: Order, tau: float) -> Matrix:
    """Return (N,) numbers that ascend in the order asked for."""
    if table is not None and order in _BY_TRUTH:
        return _truth_keys(table, order)
    if table is None:
        raise ValueError(
            f"hacon with order: {order} reads the dataset map, and this encoder makes none; "
            "use an encoder that is trained here, or order: centroid"
        )
    tau = table.check_tau(tau)
    if order == "ambiguous":
        return -table.variability[tau]
    return table.confidence[tau] if order == "hard_to_contrast" else -table.confidence[tau]


def _truth_keys(table: DatasetMap, order: Order) -> Matrix:
    if table.truth is None:
        raise ValueError(
            f"hacon with order: {order} reads the map by true labels, and this encoder made none; "
            "set its truth_epochs"
        )
    return table.truth[0] if order == "hard_to_learn" else -table.truth[0]


def _points(pool: Pool, space: Space, rng: np.random.Generator) -> Matrix:
    if space == "umap2d":
        return umap2d(pool.features, rng)
    return _pixels(pool) if space == "pixels" else pool.features


def _pixels(pool: Pool) -> Matrix:
    if pool.images is None:
        raise ValueError("hacon with cluster: pixels reads the images, and the pool was given none")
    return pool.images.reshape(len(pool.images), -1).astype(np.float32)
