"""Facility location on the graph of nearest neighbors."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.facility_location import greedy_facility_location
from rayal.kernels.neighbor_graph import two_hop_kernel
from rayal.kernels.ranking import pad_to_budget
from rayal.strategies._collapse import Cosine, choose_collapsed


@strategy(unit_length=True, geometric=True)
def facility_location(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    neighbors: PositiveInt = 10,
    collapse: Cosine | None = None,
) -> Indices:
    """Choose, one after another, the image that speaks best for what is not spoken for yet.

    Each adds most to sum_x max_s k(x, s), s being the labeled and chosen images, k = A + A^2 the
    heat kernel of the symmetric graph of nearest neighbors as far as two edges reach; A has cosines
    divided by the square roots of both degrees. The published form chooses inside true classes;
    this is the form without labels. The choice is worth at least 1 - 1/e of the best, and
    `rayal.kernels.facility_location` says how much more is proven of it. Ties go to the lowest
    position. Images that add nothing are drawn at random; the others nest.

    Cost: O(N^2 D) for the graph up to 32,768 images, O(N^1.5 D) by an inverted file beyond, which
    misses some neighbors; then near-linear in N.

    Use: for the first queries, where clusters have no common size.

    Source: arXiv 2606.22002 (graph coverage) without its labels; Minoux 1978.

    Args:
        pool: its features (N, D) are scaled to unit length.
        budget: B.
        rng: draws images that add nothing.
        neighbors: of each image in the graph, at most N - 1.
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.

    Returns:
        (B,) positions, in the order of the choice.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        if len(pool.features) == 1:
            return pool.unlabeled
        features = clustering.unit_rows(pool.features)
        kernel = two_hop_kernel(features, min(neighbors, len(features) - 1))
        chosen = greedy_facility_location(kernel, pool.labeled, budget).positions
        return pad_to_budget(chosen, rng.permutation(pool.unlabeled), budget)

    return choose_collapsed(pool, budget, rng, collapse, choose)
