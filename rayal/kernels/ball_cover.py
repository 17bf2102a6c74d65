"""Covering many points with few balls of one radius (maximum coverage, greedily).

Where the pairs of neighbors are few, their graph is kept. Otherwise no list of neighbors is: which
points lie in a ball is then worked out anew when it is needed, which is twice for each point, so
that time is O(N^2 D) and memory O(N) beyond the points, however many neighbors they have.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances, gemm_distances
from rayal.kernels.ball_graph import BallGraph, ball_graph
from rayal.kernels.balls import ROWS, Balls
from rayal.kernels.covering import greedy_k_center
from rayal.kernels.rows import Rows
from rayal.kernels.validation import as_points, check_budget

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

PURITY_SAMPLE = 4096  # balls looked at to estimate how many are pure
DIGITS = 4  # kept of a radius


def greedy_ball_cover(
    features: npt.NDArray[np.floating[Any]],
    labeled: Int64,
    budget: int,
    radius: float,
    rng: np.random.Generator,
) -> Int64:
    """Return `budget` positions, each with the most points in its ball that no ball yet covers.

    Balls are open: they hold what is nearer than the radius. The coverage is at least 1 - 1/e of
    the largest possible (Nemhauser et al. 1978). Ties go to the lowest position; warns where balls
    have come to add one point each, and more of them than are asked for. When all is covered, the
    point farthest from all centers follows, as in `greedy_k_center`.

    Args:
        features: (N, D).
        labeled: positions whose balls are there already.
        budget: at most N less the number labeled.
        radius: may be infinite; balls of radius 0 hold nothing.
        rng: used if not even the first ball covers anything.

    Raises:
        ValueError: where the budget is not between 1 and what is left.
    """
    check_budget(budget, len(features) - len(labeled))
    points = as_points(features)
    balls = Balls(points, radius**2, gemm_distances.error_bound(points))
    picks = np.fromiter(_largest_first(ball_graph(balls) or balls, labeled, budget), np.int64)
    if len(picks) == budget:
        return picks
    centers = np.concatenate([labeled, picks])
    rest = greedy_k_center(points, centers, budget - len(picks), rng)
    return np.concatenate([picks, rest])


def pure_radius(
    features: npt.NDArray[np.floating[Any]],
    clusters: Int64,
    rng: np.random.Generator,
    *,
    purity: float = 0.95,
) -> float:
    """Return the largest radius at which the open balls of `purity` of the points are pure.

    A ball is pure if all in it are of one cluster. At most 4,096 balls are looked at, drawn by
    `rng`; the radius is rounded down to four digits. Infinite for one cluster.

    Args:
        features: (N, D).
        clusters: (N,) 0 to K - 1.
        rng: draws the balls.
        purity: share of the balls, above 0 and at most 1.
    """
    points = as_points(features)
    sample = np.sort(rng.permutation(len(points))[:PURITY_SAMPLE])
    first_impure = np.sort(np.sqrt(_to_other_clusters(points, clusters, sample)))
    return _rounded_down(float(first_impure[int((1 - purity) * len(sample) + 1e-9)]))


def distance_to_nearest(rows: Rows, position: int) -> float:
    """Return the distance of one of the rows (N, D) to the nearest other; infinite for one row."""
    center, nearest = rows[position : position + 1][0], np.inf
    for block, points in rows.blocks():
        squared = distances.to_one_center(points, center)
        if block.start <= position < block.stop:
            squared[position - block.start] = np.inf
        nearest = min(nearest, float(squared.min()))
    return float(np.sqrt(nearest))


def _largest_first(balls: Balls | BallGraph, labeled: Int64, budget: int) -> Iterator[int]:
    uncovered = ~balls.covered_by(labeled)
    gains = balls.counts(np.flatnonzero(uncovered))
    gains[labeled] = -1
    was_alone = not len(labeled)  # of a first choice that is alone its strategy says more
    for number in range(budget):
        pick = int(np.argmax(gains))
        if gains[pick] <= 0:
            return
        if gains[pick] == 1 and not was_alone:
            _warn_if_by_position(int(np.count_nonzero(gains == 1)), budget - number)
        was_alone = gains[pick] == 1
        new = np.flatnonzero(uncovered & balls.covered_by(np.array([pick])))
        uncovered[new] = False
        gains -= balls.counts(new)
        yield pick


def _warn_if_by_position(equal: int, lacking: int) -> None:
    """Warn where more balls add one point each than are lacking: the first of them are chosen."""
    if equal > lacking:
        warnings.warn(
            "probcover: each of the last balls covers one more image alone, and of many as good "
            "ones the first in the pool are taken, which are of its first classes where it is "
            "stored class by class; give a larger delta",
            stacklevel=3,
        )


def _to_other_clusters(points: Float32, clusters: Int64, sample: Int64) -> Float64:
    """Return squared distances (n,) of the sample to the nearest point of another cluster."""
    nearest = np.full(len(sample), np.inf)
    for cluster in range(clusters.max() + 1):
        columns = np.flatnonzero(clusters == cluster)
        rows = np.flatnonzero(clusters[sample] != cluster)
        for block in gemm_distances.chunks(len(rows), ROWS):
            at = rows[block]
            in_cluster = _nearest(points, sample[at], columns)
            nearest[at] = np.minimum(nearest[at], in_cluster)
    return nearest


def _nearest(points: Float32, rows: Int64, columns: Int64) -> Float64:
    """Return squared distances (m,) of the rows to the nearest of the columns."""
    nearest = np.full(len(rows), np.inf)
    for chunk in gemm_distances.chunks(len(columns)):
        squared = gemm_distances.squared_distances(points[rows], points[columns[chunk]])
        partner = columns[chunk][squared.argmin(axis=1)]
        nearest = np.minimum(nearest, gemm_distances.exact(points, rows, partner))
    return nearest


def _rounded_down(radius: float) -> float:
    if radius == 0 or not np.isfinite(radius):
        return radius
    unit = 10.0 ** (np.floor(np.log10(radius)) - DIGITS + 1)
    return float(np.floor(radius / unit) * unit)
