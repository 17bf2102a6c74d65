"""k-means++ seeding (Arthur and Vassilvitskii 2007) on gradient embeddings.

Each next choice is drawn with a chance proportional to its squared distance to the nearest one
chosen; the draw inverts the cumulative sum in float64. Where all of the rest are duplicates of
what is chosen, as the gradients of a learner that is sure of all are, others follow at random. The
answer does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.greedy_balance import ClassBalance
from rayal.kernels.row_blocks import RowBlocks
from rayal.kernels.validation import SMALLEST, as_points, check_budget

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating[Any]]
FromChosen = Callable[[slice, int], npt.NDArray[np.floating[Any]]]

# Below this part of the two squared lengths, rounding may outweigh a squared distance that was
# expanded into products of float32 numbers.
CLOSE = 1e-3


def gradient_k_means_pp(
    features: Numbers,
    residuals: Numbers,
    budget: int,
    rng: np.random.Generator,
    balance: ClassBalance | None = None,
) -> Int64:
    """Return `budget` positions by k-means++ on gradients of the last layer (BADGE, Algorithm 1).

    The gradient of row i is the outer product of its residual r and its features h, C H numbers
    that are never formed:
    |g_i - g_j|^2 = |r_i|^2 |h_i|^2 + |r_j|^2 |h_j|^2 - 2 (r_i . r_j) (h_i . h_j).
    The first choice is the longest gradient, as in the authors' code; ties go to the lowest
    position, and one is drawn where none has a length. O(N (H + C)) time a choice, O(N) memory
    beyond the two matrices.

    Args:
        features: (N, H), what the last layer sees.
        residuals: (N, C), probabilities less the one-hot predicted class.
        budget: between 1 and N.
        rng: draws all choices but the first.
        balance: of the N rows. A choice's gain is then the logarithm of its squared distance (of
            its length at first) and a standard Gumbel variate, whose largest is drawn with a chance
            proportional to the squared distance; what classes lack counts against it.

    Raises:
        ValueError: where the budget is not between 1 and N, or the matrices differ in length.
    """
    check_budget(budget, len(features))
    if len(features) != len(residuals):
        raise ValueError(
            f"{len(features)} rows of features and {len(residuals)} of residuals do not fit; "
            "give one of each an image"
        )
    h = as_points(features)
    r = as_points(_with_squares(residuals), "the residuals")
    lengths = _squared_lengths(h) * _squared_lengths(r)

    def from_chosen(rows: slice, chosen: int) -> Float64:
        products = distances.inner_products(h[rows], h[chosen])
        products *= distances.inner_products(r[rows], r[chosen])
        both = lengths[rows] + lengths[chosen]
        away = both - 2 * products
        close = rows.start + np.flatnonzero(away < CLOSE * both)
        away[close - rows.start] = _exactly(h, r, close, chosen)
        return np.asarray(away)

    with RowBlocks(len(h), h.shape[1] + r.shape[1]) as blocks:
        if balance is not None:
            return _draw_balanced(lengths, budget, rng, from_chosen, blocks, balance)
        first = np.argmax(lengths) if lengths.any() else rng.integers(len(lengths))
        return _draw(int(first), budget, rng, from_chosen, blocks)


def _with_squares(residuals: Numbers) -> Numbers:
    """Return residuals (N, C), those of a learner that is sure of all scaled up to at most 1.

    Their squares would vanish in 32 bits, and no chance depends on a common factor.
    """
    largest = np.abs(residuals).max(initial=0)
    return residuals / largest if 0 < largest < SMALLEST else residuals


def _draw(
    first: int,
    budget: int,
    rng: np.random.Generator,
    from_chosen: FromChosen,
    blocks: RowBlocks,
) -> Int64:
    nearest = np.full(blocks.rows, np.inf)
    left = np.ones(blocks.rows, dtype=bool)
    picks = [first]
    left[first] = False
    while len(picks) < budget:
        _add_choice(nearest, picks[-1], from_chosen, blocks)
        cumulative = np.cumsum(nearest)
        if cumulative[-1] == 0:
            picks.extend(rng.permutation(np.flatnonzero(left))[: budget - len(picks)].tolist())
            break
        draw = rng.random() * cumulative[-1]
        # To the right of equal sums: a row without mass, so also a chosen one, is never drawn.
        picks.append(int(np.searchsorted(cumulative, draw, side="right")))
        left[picks[-1]] = False
    return np.array(picks, dtype=np.int64)


def _draw_balanced(
    lengths: Float64,
    budget: int,
    rng: np.random.Generator,
    from_chosen: FromChosen,
    blocks: RowBlocks,
    balance: ClassBalance,
) -> Int64:
    """Do the same with gains log(squared distance) + Gumbel; one without distance comes last."""
    nearest = np.full(blocks.rows, np.inf)
    left = np.ones(blocks.rows, dtype=bool)
    picks: list[int] = []
    gains = _logarithms(lengths)
    while len(picks) < budget:
        value = np.where(left, gains - balance.costs(), -np.inf)
        if np.isneginf(value).all():  # copies alone are left: by what the classes lack
            value = np.where(left, rng.gumbel(size=blocks.rows) - balance.costs(), -np.inf)
        picks.append(int(np.argmax(value)))
        left[picks[-1]] = False
        balance.add(picks[-1])
        _add_choice(nearest, picks[-1], from_chosen, blocks)
        gains = _logarithms(nearest) + rng.gumbel(size=blocks.rows)
    return np.array(picks, dtype=np.int64)


def _logarithms(squares: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(squares))


def _add_choice(nearest: Float64, chosen: int, from_chosen: FromChosen, blocks: RowBlocks) -> None:
    def take_minimum(rows: slice) -> None:
        np.minimum(nearest[rows], from_chosen(rows, chosen), out=nearest[rows])

    blocks.each(take_minimum)
    nearest[chosen] = 0


def _squared_lengths(points: Float32) -> Float64:
    lengths = np.empty(len(points))
    for start in range(0, len(points), distances.ROWS):
        rows = points[start : start + distances.ROWS].astype(np.float64)
        lengths[start : start + len(rows)] = np.einsum("nd,nd->n", rows, rows)
    return lengths


def _exactly(h: Float32, r: Float32, rows: Int64, chosen: int) -> Float64:
    """Return |g_i - g_j|^2 of some rows from their differences, which are 0 for duplicates.

    g_i - g_j = (r_i - r_j) h_i + r_j (h_i - h_j), as outer products.
    """
    own, r_chosen = h[rows].astype(np.float64), r[chosen].astype(np.float64)
    in_h = own - h[chosen]
    in_r = r[rows] - r_chosen
    across = np.einsum("nh,nh->n", own, in_h) * (in_r @ r_chosen)
    squares = np.einsum("nc,nc->n", in_r, in_r) * np.einsum("nh,nh->n", own, own)
    squares += np.einsum("nh,nh->n", in_h, in_h) * (r_chosen @ r_chosen)
    return np.asarray(np.maximum(squares + 2 * across, 0))
