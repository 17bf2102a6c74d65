"""MaxHerding on many rows: what a choice covers is estimated from a sample of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.herding import choose_lazily, cover_of
from rayal.kernels.ranking import pad_to_budget
from rayal.kernels.rows import Rows
from rayal.kernels.validation import check_budget

Int64 = npt.NDArray[np.int64]
Weights = npt.NDArray[np.floating[Any]]

CANDIDATES = 32_768  # rows that may be chosen
FEWEST, A_PICK = 8192, 16  # rows of the sample: so many, and so many for each pick


def sampled_herding(
    rows: Rows,
    labeled: Int64,
    budget: int,
    sigma: float,
    rng: np.random.Generator,
    weights: Weights | None = None,
) -> Int64:
    """Return `budget` positions, each adding most to mean_x max_s k(x, s) over m drawn rows x.

    s runs over the labeled and those before it, all chosen among 32,768 drawn rows: at each pick
    these hold one of the best share q of all rows with a probability of 1 - (1 - q)^32768, 96 % for
    q = 1e-4. On the drawn rows the choice is greedy, worth at least 1 - 1/e of the best there. For
    any one choice the mean over m drawn rows lies farther than e from that over all rows with a
    probability of at most 2 exp(-2 m e^2) (Hoeffding 1963): with m = 16,384, .015 in 1 of 800
    draws. O(32768 m D) time as a rule, whatever N is.

    Args:
        rows: (N, D).
        labeled: positions that are chosen already.
        budget: B, at most N less the number labeled; m is the larger of 8,192 and 16 B.
        sigma: width of the kernel, as in `herding.greedy_herding`.
        rng: draws the rows, and what follows once nothing is gained.
        weights: (N,) at least 0: rows are drawn in proportion to them, some repeatedly.

    Raises:
        ValueError: where the budget is not between 1 and what is left.
    """
    check_budget(budget, len(rows) - len(labeled))
    left = np.setdiff1d(np.arange(len(rows)), labeled)
    count = min(len(left), max(CANDIDATES, budget))
    centers = np.concatenate([labeled, np.sort(rng.choice(left, count, replace=False))])
    points = rows[_drawn(len(rows), max(FEWEST, A_PICK * budget), rng, weights)]
    cover = cover_of(rows[centers], points, np.ones(len(points)), sigma)
    for row in range(len(labeled)):
        cover.add(row)
    candidates = np.arange(len(labeled), len(centers))
    picks = centers[np.fromiter(choose_lazily(cover, candidates, budget), np.int64)]
    return picks if len(picks) == budget else pad_to_budget(picks, rng.permutation(left), budget)


def _drawn(N: int, count: int, rng: np.random.Generator, weights: Weights | None) -> Int64:
    mass = None if weights is None else np.asarray(weights, dtype=np.float64)
    total = 0.0 if mass is None else mass.sum()
    if mass is None or total <= 0:
        return np.sort(rng.choice(N, min(count, N), replace=False))
    return np.sort(rng.choice(N, count, p=mass / total))
