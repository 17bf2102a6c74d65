"""Robust k-center by integer programming (Sener and Savarese 2018, Section 4.2).

The smallest radius within which all points but a few outliers have a center. By definition it
looks at all pairs of points, O(N^2) time; memory is that of the pairs within the greedy radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.covering import greedy_k_center
from rayal.kernels.validation import as_points

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating[Any]]

MAX_PAIRS = 2_000_000  # of points within the greedy radius: the solver has no end far below it
NODE_LIMIT = 1000  # of branch and bound, for each radius tried
ROUNDING = 1e-4  # relative error, with much to spare, of a squared distance


def robust_k_center(
    features: Numbers,
    labeled: Int64,
    budget: int,
    rng: np.random.Generator,
    *,
    outliers: int,
    node_limit: int = NODE_LIMIT,
) -> Int64:
    """Return `budget` ascending positions with the smallest covering radius that is found.

    Starts from greedy k-center, whose radius is at most twice the optimum, and bisects the
    distances below it. For each the program asks whether `budget` unlabeled points can be
    centers such that at most `outliers` points have neither one of them nor a labeled point
    within that radius. A radius that is not settled within `node_limit` nodes counts as too
    small: the answer is then no optimum, but never worse than the greedy one, and the same in
    every run.

    Args:
        features: (N, D).
        labeled: positions that are centers already.
        budget: at most N less the number labeled.
        rng: draws the first greedy center where nothing is labeled.
        outliers: how many points may stay uncovered.
        node_limit: nodes of branch and bound for each radius; at least 1.

    Raises:
        ValueError: where the budget does not fit, or too many pairs are within the greedy radius.
    """
    points = as_points(features)
    start = np.sort(greedy_k_center(points, labeled, budget, rng, device="cpu"))
    reach = distances.to_nearest(points, points[np.concatenate([labeled, start])])
    graph = _graph(points, labeled, _robust_radius(reach, outliers))
    radii = graph.radii_below(_lower_bound(reach, outliers))
    best, low, high = start, 0, len(radii)
    while low < high:
        middle = (low + high) // 2
        centers = _centers_within(graph, radii[middle], budget, outliers, node_limit)
        if centers is None:
            low = middle + 1
        else:
            best, high = centers, middle
    return best


@dataclass(frozen=True)
class _Graph:
    """Pairs of N points that are at most `limit` apart, and how far the labeled are.

    point, center, squared: (E,) pairs, the center being unlabeled. to_labeled (N,): squared
    distance to the nearest labeled point, infinite where there is none.
    """

    point: npt.NDArray[np.int32]
    center: npt.NDArray[np.int32]
    squared: Float32
    to_labeled: Float32
    candidates: Int64
    limit: float

    def radii_below(self, lower: float) -> Float32:
        """Return the ascending squared distances from `lower` to below the limit."""
        lengths = np.unique(np.concatenate([self.squared, self.to_labeled]))
        return lengths[(lengths >= lower) & (lengths < self.limit)]


def _robust_radius(reach: Float32, outliers: int) -> float:
    """Return the squared radius (of N reaches) that leaves no more than the outliers out."""
    return float(np.sort(reach)[::-1][outliers]) if outliers < len(reach) else 0.0


def _lower_bound(reach: Float32, outliers: int) -> float:
    # Half the greedy radius bounds the optimum, but not where the farthest points may be left out.
    return float(reach.max()) / 4 * (1 - ROUNDING) if outliers == 0 else 0.0


def _graph(points: Float32, labeled: Int64, limit: float) -> _Graph:
    candidates = np.setdiff1d(np.arange(len(points)), labeled)
    to_labeled = np.full(len(points), np.inf, dtype=np.float32)
    if len(labeled):
        to_labeled = distances.to_nearest(points, points[labeled])
    near, squared, pairs = [], [], 0
    for center in candidates:
        away = distances.to_one_center(points, points[center])
        near.append(np.flatnonzero(away <= limit).astype(np.int32))
        squared.append(away[near[-1]])
        pairs += len(near[-1])
        _check_pairs(pairs, len(points))
    owner = np.repeat(candidates, [len(rows) for rows in near]).astype(np.int32)
    return _Graph(
        np.concatenate(near), owner, np.concatenate(squared), to_labeled, candidates, limit
    )


def _check_pairs(pairs: int, rows: int) -> None:
    if pairs > MAX_PAIRS:
        raise ValueError(
            f"coreset_mip: more than {MAX_PAIRS:,} pairs of the {rows:,} images are within the "
            "greedy radius, too many for the integer program; use k_center, its greedy form, "
            "raise the budget, or take a smaller pool"
        )


def _centers_within(
    graph: _Graph, radius: np.float32, budget: int, outliers: int, node_limit: int
) -> Int64 | None:
    """Return ascending centers that cover within a squared radius, or None where none are found.

    Variables: whether a candidate is a center (binary), and how far each point that no labeled
    one covers is left out (0 to 1; a whole number in effect, because centers are whole).
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import hstack, identity

    uncovered = np.flatnonzero(graph.to_labeled > radius)
    covers = _cover_matrix(graph, radius, uncovered)
    centers = covers.shape[1]
    left_out = np.concatenate([np.zeros(centers), np.ones(len(uncovered))])
    covered = hstack([covers, identity(len(uncovered))], format="csr")
    solved = milp(
        np.zeros(len(left_out)),
        integrality=1 - left_out,
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(covered, lb=1),
            LinearConstraint(left_out[None], ub=outliers),
            LinearConstraint(1 - left_out[None], lb=budget, ub=budget),
        ],
        options={"node_limit": node_limit},
    )
    if solved.x is None:
        return None
    chosen = solved.x[:centers] > 0.5
    enough = np.count_nonzero(covers @ chosen == 0) <= outliers and chosen.sum() == budget
    return graph.candidates[chosen] if enough else None


def _cover_matrix(graph: _Graph, radius: np.float32, uncovered: Int64) -> csr_matrix:
    """Return (U, candidates): 1 where a candidate is within the squared radius of a point."""
    from scipy.sparse import csr_matrix

    row = np.full(len(graph.to_labeled), -1)
    row[uncovered] = np.arange(len(uncovered))
    used = (graph.squared <= radius) & (row[graph.point] >= 0)
    entries = (row[graph.point[used]], np.searchsorted(graph.candidates, graph.center[used]))
    shape = (len(uncovered), len(graph.candidates))
    return csr_matrix((np.ones(int(used.sum())), entries), shape=shape)
