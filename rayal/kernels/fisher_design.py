"""Batches that leave little variance: greedy minimization of tr(M^-1 F) (BAIT, Ash et al. 2021).

The information of an image is of rank one, v v' with v = sqrt(w) h (Huseljic et al. 2024). So
adding it changes M^-1 and M^-1 F M^-1 by u u' and u z' + z u', u = M^-1 v, and what all images
would gain is brought up to date by two products with each: O(N D) a pick, where a new evaluation
takes O(N D^2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.linalg.blas import dger

from rayal.kernels.gemm_distances import chunks
from rayal.kernels.row_blocks import RowBlocks
from rayal.kernels.validation import check_budget

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating[Any]]

OVERSAMPLING = 2  # times the budget are chosen first, and the excess removed again
TIE = 1e-9  # scores closer than this part are equal: rounding decides nothing
# Rounding errors stay those of the largest gain since the last evaluation from scratch, some
# 1e-13 of it after hundreds of updates; so all is evaluated again once the largest gain has
# fallen to this part, or after so many updates.
FADED, UPDATES = 1e-3, 1000
SMALLEST_RIDGE = 1e-9  # part of the longest v'v: beside less, rounding would decide
REMOVALS = 64  # before the small matrices of the backward pass are computed afresh
ROWS, CACHED_ROWS = 4096, 512  # converted to float64 at once, for products with D and 2 columns


def greedy_design(
    features: Numbers,
    information: Numbers,
    labeled: Int64,
    budget: int,
    *,
    ridge: float = 1.0,
) -> Int64:
    """Return positions that greedily minimize tr(M^-1 F), in the order of the choice.

    With v = sqrt(w) h of features h and information w, F is the mean of v v' over all N rows, and
    M = ridge I + (sum of v v' over L labeled + B sum of v v' over the chosen) / (L + B), the
    weights of the released code. Rows are added up to 2 B, each the one that lowers the trace
    most, then B are removed, each the one that raises it least. Ties go to the lowest position,
    and among those to be removed to the last chosen. O(N D^2 + B N D + B^3) time, O(N + D^2)
    memory beyond the features.

    Args:
        features: (N, D).
        information: (N,) at least 0; rows of 0 are never chosen.
        labeled: (L,) positions that have a label.
        budget: B, at most N less the number labeled.
        ridge: above 0; raised to a billionth of the largest v'v where it is less.

    Returns:
        (B,) positions, or as many as have information.

    Raises:
        ValueError: where the budget is not between 1 and what is left, or the ridge not above 0.
    """
    check_budget(budget, len(features) - len(labeled))
    points = np.ascontiguousarray(features)
    weights = np.asarray(information, dtype=np.float64)
    ridge = sufficient_ridge(ridge, points, weights)
    known = np.zeros(len(points), dtype=bool)
    known[labeled] = True
    total = len(labeled) + budget
    start = _gram(points[labeled], np.sqrt(weights[labeled] / total))
    start[np.diag_indices_from(start)] += ridge
    fisher = _gram(points, np.sqrt(weights / len(points)))
    scales = np.sqrt(weights * budget / total)
    candidates = ~known & (weights > 0)
    with RowBlocks(*points.shape) as blocks:
        design = _Design(points, scales, fisher, start.copy(), candidates, blocks)
        picks = design.add(min(OVERSAMPLING * budget, int(candidates.sum())))
    chosen = scales[picks, None] * points[picks].astype(np.float64)
    return picks[_kept_after_removals(chosen, start, fisher, budget)]


def sufficient_ridge(ridge: float, features: Numbers, information: Float64) -> float:
    """Return the ridge, or the least beside which float64 holds what rows tell.

    Args:
        ridge: above 0.
        features: h (N, D).
        information: w (N,), at least 0.

    Raises:
        ValueError: where the ridge is not above 0.
    """
    if not ridge > 0:
        raise ValueError(f"the ridge must be above 0, but is {ridge:g}; 1 is the published value")
    longest = 0.0
    for rows in chunks(len(features), ROWS):
        h = features[rows].astype(np.float64)
        longest = max(longest, float((information[rows] * np.einsum("nd,nd->n", h, h)).max()))
    return max(ridge, SMALLEST_RIDGE * longest)


class _Design:
    """Rows v (N, D) to choose from, and what each would gain.

    leverage (N,): v' M^-1 v; gain (N,): v' M^-1 F M^-1 v. Adding a row lowers the trace by
    gain / (1 + leverage).
    """

    def __init__(
        self,
        points: Numbers,
        scales: Float64,
        fisher: Float64,
        matrix: Float64,
        candidates: npt.NDArray[np.bool_],
        blocks: RowBlocks,
    ) -> None:
        self._points, self._scales, self._fisher, self._matrix = points, scales, fisher, matrix
        self._candidates, self._blocks = candidates, blocks
        self.leverage, self.gain = np.empty(len(points)), np.empty(len(points))
        self._evaluate()

    def add(self, count: int) -> Int64:
        """Return the candidates (count,) that were added, best first."""
        picks = np.empty(count, dtype=np.int64)
        for i in range(count):
            if i:
                self._update(picks[i - 1])
            picks[i] = self._best()
            self._candidates[picks[i]] = False
        return picks

    def _best(self) -> int:
        largest = self.gain[self._candidates].max()
        if largest < FADED * self._largest or self._updates == UPDATES:
            self._evaluate()
        scores = np.maximum(self.gain, 0) / (1 + self.leverage)
        scores[~self._candidates] = -1
        return int(np.argmax(scores >= scores.max() * (1 - TIE)))

    def _evaluate(self) -> None:
        """Compute all from M: O(N D^2)."""
        self._inverse = _inverse(self._matrix)
        self._product = self._inverse @ self._fisher @ self._inverse
        self._product = (self._product + self._product.T) / 2
        for rows in chunks(len(self._points), ROWS):
            v = self._scales[rows, None] * self._points[rows]
            solved = v @ self._inverse
            self.leverage[rows] = np.einsum("nd,nd->n", solved, v)
            self.gain[rows] = np.einsum("nd,nd->n", solved @ self._fisher, solved)
        self._largest = self.gain[self._candidates].max(initial=0.0)
        self._updates = 0

    def _update(self, pick: Int64) -> None:
        """Add v of a row to M: O(N D)."""
        v = self._scales[pick] * self._points[pick].astype(np.float64)
        u, w = self._inverse @ v, self._product @ v
        t = float(1 / (1 + v @ u))
        z = t * w - (t * t * (v @ w) / 2) * u
        _add_outer(self._matrix, 1.0, v, v)
        _add_outer(self._inverse, -t, u, u)
        _add_outer(self._product, -1.0, u, z)
        _add_outer(self._product, -1.0, z, u)
        directions = np.stack([u, z], axis=1)

        def bring_up_to_date(rows: slice) -> None:
            buffer = np.empty((CACHED_ROWS, len(v)))
            for some in chunks(rows.stop - rows.start, CACHED_ROWS):
                at = slice(rows.start + some.start, rows.start + some.stop)
                converted = buffer[: at.stop - at.start]
                np.copyto(converted, self._points[at])
                along = (converted @ directions) * self._scales[at, None]
                self.leverage[at] -= t * along[:, 0] ** 2
                self.gain[at] -= 2 * along[:, 0] * along[:, 1]

        self._blocks.each(bring_up_to_date)
        self._updates += 1


def _kept_after_removals(chosen: Float64, start: Float64, fisher: Float64, budget: int) -> Int64:
    """Return which of the chosen rows v (n, D) stay, ascending, when all but B are removed again.

    With A = V L^-T, M0 = L L' without them, T = (I + AA')^-1 and R = T A L^-1 F L^-T A' T, removing
    row k raises the trace by R_kk / T_kk. From a QR decomposition of A' above I both are products
    of its factors, so that little is lost where rows weigh much more than the ridge.
    """
    stay = np.arange(len(chosen))
    lower = np.linalg.cholesky(start)
    halves = solve_triangular(lower, chosen.T, lower=True)
    target = solve_triangular(lower, solve_triangular(lower, fisher, lower=True).T, lower=True)
    removals = 0
    while len(stay) > budget:
        if removals % REMOVALS == 0:
            t, r = _inner_inverses(halves[:, stay], target)
        rise = np.maximum(np.diag(r), 0) / np.diag(t)
        k = int(np.flatnonzero(rise <= rise.min() * (1 + TIE))[-1])
        t_k, r_k, t_kk, r_kk = t[k].copy(), r[k].copy(), t[k, k], r[k, k]
        across = np.outer(t_k, r_k / t_kk)
        r += np.outer(t_k, t_k * (r_kk / t_kk**2)) - across - across.T
        t -= np.outer(t_k, t_k / t_kk)
        r, t = (np.delete(np.delete(each, k, axis=0), k, axis=1) for each in (r, t))
        stay = np.delete(stay, k)
        removals += 1
    return stay


def _inner_inverses(halves: Float64, target: Float64) -> tuple[Float64, Float64]:
    """Return T = (I + AA')^-1 and T A G A' T, (n, n), of A' (D, n) and G (D, D)."""
    q, upper = np.linalg.qr(np.vstack([halves, np.eye(halves.shape[1])]))
    inverse = solve_triangular(upper, np.eye(len(upper)))
    through = inverse @ q[: len(halves)].T
    return inverse @ inverse.T, through @ target @ through.T


def _gram(points: Numbers, scales: Float64) -> Float64:
    """Return the sum (D, D) of v v' over rows v = scale * point."""
    total = np.zeros((points.shape[1], points.shape[1]))
    for rows in chunks(len(points), ROWS):
        v = scales[rows, None] * points[rows]
        total += v.T @ v
    return total


def _inverse(matrix: Float64) -> Float64:
    """Return the inverse of a symmetric positive definite matrix, symmetric to the last bit."""
    inverse = np.linalg.inv(matrix)
    return np.asarray((inverse + inverse.T) / 2)


def _add_outer(matrix: Float64, factor: float, x: Float64, y: Float64) -> None:
    """Add factor * x y' to a C-contiguous matrix, in place."""
    # BLAS counts columns first, so that it sees the transpose.
    dger(factor, y, x, a=matrix.T, overwrite_x=0, overwrite_y=0, overwrite_a=1)
