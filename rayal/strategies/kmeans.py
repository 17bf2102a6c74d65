"""k-means with as many clusters as images are asked for (low-budget paper)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.strategies._cluster_representatives import cluster_representatives, form_of_many
from rayal.strategies._collapse import Cosine, choose_collapsed
from rayal.strategies._large_pools import is_approximate


@strategy(
    unit_length=lambda params: bool(params["normalize"]),
    geometric=True,
    blockwise=True,
    added={"collapse", "exact"},
)
def kmeans(  # noqa: PLR0913  its own parameters and that of all strategies of density
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool = True,
    restarts: PositiveInt = 5,
    collapse: Cosine | None = None,
    exact: bool = False,
) -> Indices:
    """Cluster the unlabeled images into K = B; choose the one nearest to each center.

    Largest cluster first. Where fewer than B images are distinct, duplicates make up the number,
    lowest position first. Beyond 200,000 images the centers are found on 256 images for each, which
    costs the inertia about a percent, and images far from their centers make up the number. There
    more than 4,000 clusters are found in two levels: sqrt(B) cells, and clusters within each.

    Cost: O(N D B) a step, 20 steps, 5 restarts; beyond 200,000 images O((N + 256 B) D B), in two
    levels O((N + 256 B) D sqrt(B)).

    Use: for the first query: with few labels it is the hardest to improve on.

    Source: Pourahmadi et al. 2021 (low-budget paper).

    Args:
        pool: its features (N, D) are clustered.
        budget: B.
        rng: seeds the initial centers.
        normalize: scale features to unit length, as the released code does.
        restarts: initializations of which the best is kept; the released code has 5.
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.
        exact: take the exact form at any size.

    Returns:
        (B,) positions.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        return cluster_representatives(
            pool.features,
            pool.unlabeled,
            budget,
            rng,
            normalize=normalize,
            restarts=restarts,
            approximate=is_approximate(
                "kmeans", len(pool.unlabeled), form_of_many(budget), exact=exact
            ),
        )

    return choose_collapsed(pool, budget, rng, collapse, choose)
