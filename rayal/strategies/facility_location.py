"""Facility location on the graph of nearest neighbors."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt
from scipy.sparse import csr_array

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.cells import neighbors_in_cells
from rayal.kernels.facility_location import greedy_facility_location
from rayal.kernels.neighbor_graph import symmetric_graph, two_hop_kernel
from rayal.kernels.ranking import pad_to_budget
from rayal.kernels.rows import Rows
from rayal.kernels.two_hop_kernel import TwoHopKernel
from rayal.strategies._collapse import Cosine, choose_collapsed
from rayal.strategies._large_pools import is_approximate

SAMPLED = "neighbors are looked for in near cells alone"


@strategy(unit_length=True, geometric=True, blockwise=True, added={"exact"})
def facility_location(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    neighbors: PositiveInt = 10,
    collapse: Cosine | None = None,
    exact: bool = False,
) -> Indices:
    """Choose, one after another, the image that best represents those not represented yet.

    Each adds most to sum_x max_s k(x, s), s being the labeled and chosen images, k = A + A^2 the
    heat kernel of the symmetric graph of nearest neighbors as far as two edges reach; A has cosines
    divided by the square roots of both degrees. The published form chooses inside true classes;
    this is the form without labels. The choice is worth at least 1 - 1/e of the best, and
    `rayal.kernels.facility_location` says how much more is proven of it. Ties go to the lowest
    position. Images that add nothing are drawn at random; the others nest.

    Cost: O(N^2 D) for the graph up to 32,768 images, O(N^1.5 D) by an inverted file beyond, which
    misses some neighbors, and O(N 8192 D + N^2 D / 1024) by cells beyond 200,000 images; then
    near-linear in N.

    Use: for the first queries, when clusters differ in size.

    Source: arXiv 2606.22002 (graph coverage) without its labels; Minoux 1978.

    Args:
        pool: its features (N, D) are scaled to unit length.
        budget: B.
        rng: draws images that add nothing, and those that cells are trained on.
        neighbors: of each image in the graph, at most N - 1.
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.
        exact: take the form for up to 200,000 images at any size.

    Returns:
        (B,) positions, in the order of the choice.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        if len(pool.features) == 1:
            return pool.unlabeled
        k = min(neighbors, len(pool.features) - 1)
        kernel: csr_array | TwoHopKernel
        if is_approximate("facility_location", len(pool.features), SAMPLED, exact=exact):
            rows = Rows(pool.features, unit=True)
            kernel = TwoHopKernel(symmetric_graph(*neighbors_in_cells(rows, k, rng)))
        else:
            kernel = two_hop_kernel(clustering.unit_rows(pool.features), k)
        chosen = greedy_facility_location(kernel, pool.labeled, budget).positions
        return pad_to_budget(chosen, rng.permutation(pool.unlabeled), budget)

    return choose_collapsed(pool, budget, rng, collapse, choose)
