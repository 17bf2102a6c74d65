"""k-means over what is labeled and what is not (low-budget paper, several queries)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.strategies._cluster_representatives import cluster_representatives, rows


@strategy(unit_length=lambda params: bool(params["normalize"]), geometric=True)
def multi_kmeans(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool = True,
    restarts: PositiveInt = 5,
) -> Indices:
    """Cluster the whole pool into K = B; choose the unlabeled image nearest to each center.

    Largest cluster first. Clusters whose members are all labeled are passed over, so that what is
    labeled is not asked for again; the unlabeled rest is then clustered into as many as are
    missing (the released code asks for fewer instead). Before the first label this is `kmeans`,
    where as many images are distinct.

    Cost: O(N D B) a step, 20 steps, 5 restarts.

    Use: for several queries of few labels each.

    Source: Pourahmadi et al. 2021 (low-budget paper).

    Args:
        pool: its features (N, D) are clustered.
        budget: B, the increment of this round.
        rng: seeds the initial centers.
        normalize: scale features to unit length, as the released code does.
        restarts: initializations of which the best is kept; the released code has 5.

    Returns:
        (B,) positions.
    """
    left = pool.unlabeled
    features = rows(pool.features, np.arange(len(pool.features)), normalize=normalize)
    clusters, centers = clustering.kmeans(features, budget, rng, restarts=restarts)
    sizes = np.bincount(clusters)
    open_clusters, own = np.unique(clusters[left], return_inverse=True)
    nearest = clustering.nearest_to_centers(features[left], own, centers[open_clusters])
    chosen: Indices = left[nearest[np.argsort(-sizes[open_clusters], kind="stable")]]
    missing = budget - len(chosen)
    if missing == 0:
        return chosen
    rest = np.setdiff1d(left, chosen)
    more = cluster_representatives(
        pool.features, rest, missing, rng, normalize=normalize, restarts=restarts
    )
    return np.concatenate([chosen, more])
