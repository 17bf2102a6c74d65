"""MaxHerding on many rows: what a choice covers is estimated from a sample of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.lazy_choice import choose_lazily
from rayal.kernels.ranking import pad_to_budget
from rayal.kernels.rows import Rows
from rayal.kernels.smooth_cover import Cover, Float32, Float64, cover_of
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
    q = 1e-4. A row that may be chosen counts itself as once in N, drawn or not, and the drawn rows
    in proportion. Where all are drawn, the choice is greedy, worth at least 1 - 1/e of the best.
    For any one choice the mean over m drawn rows lies farther than e from that over all rows with a
    probability of at most 2 exp(-2 m e^2) (Hoeffding 1963): with m = 16,384, .015 in 1 of 800
    draws. Ties go to what was drawn first. O(32768 m D) time as a rule, whatever N is.

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
    centers = np.concatenate([labeled, rng.choice(left, count, replace=False)])
    shares = _shares(weights)
    drawn = _drawn(len(rows), max(FEWEST, A_PICK * budget), rng, shares)
    own = np.full(len(centers), 1 / len(rows)) if shares is None else shares[centers]
    cover = _estimated_cover(rows, centers, drawn, sigma, len(drawn) * own)
    for row in range(len(labeled)):
        cover.add(row)
    candidates = np.arange(len(labeled), len(centers))
    picks = centers[np.fromiter(choose_lazily(cover, candidates, budget), np.int64)]
    return picks if len(picks) == budget else pad_to_budget(picks, rng.permutation(left), budget)


@dataclass
class _EstimatedCover(Cover):
    """A cover of drawn points, in which a candidate counts itself once and not as it was drawn.

    It is a point of its own: a kernel so narrow that it holds little else would find those among
    the drawn points worth N / m rows, and all others nothing.

    own (n,): how much a candidate counts itself, of drawn points that count 1 each; first and end
    (n,): where it is among these, which are sorted.
    """

    own: Float64
    first: Int64
    end: Int64
    _chosen: list[int] = field(default_factory=list, init=False)

    @cached_property
    def _own_covered(self) -> Float32:
        """The largest kernel (n,) of a candidate to those chosen that it has been held against."""
        return np.zeros(len(self.candidates), dtype=np.float32)

    @cached_property
    def _held_against(self) -> Int64:
        """How many of those chosen a candidate has been held against, (n,)."""
        return np.zeros(len(self.candidates), dtype=np.int64)

    def add(self, row: int) -> None:
        super().add(row)
        self._chosen.append(row)

    def gain(self, row: int) -> float:
        new = self.added(row)
        new[self.first[row] : self.end[row]] = 0
        return float(np.sum(new) + self._own_gain(row))

    def _own_gain(self, row: int) -> float:
        others = self._chosen[self._held_against[row] :]
        if others:
            kernel = self.kernel_between(self.candidates[others], row)
            self._own_covered[row] = max(self._own_covered[row], kernel.max())
        self._held_against[row] = len(self._chosen)
        return float(self.own[row] * (1 - np.float64(self._own_covered[row])))

    def bounds(self, rows: Int64) -> Float64:
        """Return what the gains of the rows (m,) cannot be above."""
        as_drawn = (self.end - self.first)[rows]
        covered = self.covered[np.minimum(self.first[rows], len(self.points) - 1)]
        own = self.own[rows] * (1.0 - self._own_covered[rows])
        return super().bounds(rows) - as_drawn * (1.0 - covered) + own


def _estimated_cover(
    rows: Rows, centers: Int64, drawn: Int64, sigma: float, own: Float64
) -> _EstimatedCover:
    """Return the cover of drawn rows (m,), ascending, by centers (n,), each counting itself own."""
    order = np.argsort(centers)
    candidates = np.empty((len(centers), rows.shape[1]), dtype=np.float32)
    candidates[order] = rows[centers[order]]  # files are read in order
    cover = cover_of(candidates, rows[drawn], np.ones(len(drawn)), sigma)
    first, end = (np.searchsorted(drawn, centers, side) for side in ("left", "right"))
    return _EstimatedCover(cover.candidates, cover.points, cover.mass, cover.sigma, own, first, end)


def _shares(weights: Weights | None) -> Float64 | None:
    """Return how often each row is drawn, (N,), with sum 1; None for all alike."""
    mass = None if weights is None else np.asarray(weights, dtype=np.float64)
    total = 0.0 if mass is None else mass.sum()
    return None if mass is None or total <= 0 else mass / total


def _drawn(N: int, count: int, rng: np.random.Generator, shares: Float64 | None) -> Int64:
    """Return positions in ascending order; alike, each once at most, and by shares repeatedly."""
    if shares is None:
        return np.sort(rng.choice(N, min(count, N), replace=False))
    return np.sort(rng.choice(N, count, p=shares))
