"""Typical images of clusters (TypiClust)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.strategies._collapse import Cosine, choose_collapsed
from rayal.strategies._greedy_balance import (
    GreedyBalance,
    balance_of,
    check_balance,
    reads_balance,
)
from rayal.strategies._large_pools import is_approximate
from rayal.strategies._typical_clusters import (
    MAX_CLUSTERS,
    MIN_SIZE,
    RESTARTS,
    SAMPLED,
    typical_of_clusters,
)


@strategy(
    needs=reads_balance,
    unit_length=True,
    geometric=True,
    blockwise=True,
    multilabel=True,
    check=check_balance,
    added={"collapse", "exact", "class_balanced"},
)
def typiclust(  # noqa: PLR0913  its own parameters and those of all strategies of its kind
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    max_clusters: PositiveInt = MAX_CLUSTERS,
    min_size: PositiveInt = MIN_SIZE,
    restarts: PositiveInt = RESTARTS,
    collapse: Cosine | None = None,
    exact: bool = False,
    class_balanced: GreedyBalance | None = None,
) -> Indices:
    """Repeatedly take the most typical image of the largest cluster with the fewest labels.

    Hacohen et al., "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets",
    ICML 2022. Unit-length features of all images, labeled or not, are clustered into
    K = min(labeled + B, max_clusters). Typicality is the inverse of the mean distance to the
    min(20, half of them) nearest among the cluster's images that are left. Each choice counts as
    a label. Equal clusters go by number, equal images by position.

    Clusters below min_size wait until all others are used up, and then take turns by the same
    rule, so that B images are always found. The released code averages squared distances and
    keeps clusters of at least 6. Beyond 200,000 images clusters are found on 256 images for each
    center, and in clusters above 4,096 the 128 images that are densest by a sample of 2,048 are
    compared.

    Cost: k-means with K = L + B, at most 500, and O(n^2 D) inside a cluster of n images; beyond
    200,000 images O(n D) inside of large clusters.

    Use: for the first queries, with few labels each. `collapse: 0.98` helps where many images are
    similar, as slices of one scan, on features of an ImageNet network alone: on pixels it gains
    nothing on average, and on MoCo features, whose cosines are that high for images that differ,
    it loses.

    Source: Hacohen et al. 2022; balanced, Bengar et al. 2022 (CBAL), section 4.2.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: seeds the initial centers.
        max_clusters: bound on K.
        min_size: images that a cluster needs to be used at first.
        restarts: initializations of which the best is kept.
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.
        exact: take the exact form at any size.
        class_balanced: `lambda` weighs the balance of the classes against typicality, which an
            image of the cluster whose turn it is gains: its cost is lambda / C * ||what the classes
            lack after it||_1; `divided_by_classes: false` leaves C out. The form is then exact.

    Returns:
        (B,) positions, in the order of the choice.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        return typical_of_clusters(
            pool,
            budget,
            rng,
            max_clusters=max_clusters,
            min_size=min_size,
            restarts=restarts,
            approximate=is_approximate(
                "typiclust",
                len(pool.features),
                SAMPLED,
                exact=exact or class_balanced is not None,
            ),
            balance=balance_of(pool, budget, class_balanced),
        )

    return choose_collapsed(pool, budget, rng, collapse, choose)
