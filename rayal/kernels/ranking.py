"""Turning scores and groups into one ranking, whose prefixes are the answers to all budgets."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt


def highest_first(
    scores: npt.NDArray[np.floating[Any]], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return positions (N,) by descending score (N,).

    Equal scores are shuffled: by position, a pool stored class by class would be asked about one
    class, and a classifier that is sure of everything gives nothing but equal scores.
    """
    shuffled = rng.permutation(len(scores))
    return shuffled[np.argsort(-scores[shuffled], kind="stable")]


def softrank_sample(
    best_first: npt.NDArray[np.int64], beta: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw all without replacement, the one at rank r = 1, 2, ... with odds r^-beta.

    Gumbel noise on the logarithms of the odds does that in one sort (Kool et al. 2019); a shorter
    list is the beginning of a longer one (softrank of Kirsch et al. 2023).

    Args:
        best_first: (N,) positions.
        beta: at least 0; 0 is a random order.
        rng: draws the noise.
    """
    ranks = np.arange(1, len(best_first) + 1)
    return best_first[np.argsort(beta * np.log(ranks) - rng.gumbel(size=len(ranks)), kind="stable")]


def round_robin(
    ranking: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Take the best of each group in turn, then the second of each, and so on.

    Every prefix holds equal numbers of each group, give or take one, until a group is exhausted;
    exhausted groups are passed over.

    Args:
        ranking: (N,) positions, best first.
        groups: the group (0 to G - 1) of each position.
        order: (G,) groups in the order in which they take turns.
    """
    group = groups[ranking]
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=len(order))
    starts = np.cumsum(sizes) - sizes
    turn = np.empty(len(ranking), dtype=np.int64)
    turn[by_group] = np.arange(len(ranking)) - np.repeat(starts, sizes)
    seat = np.empty(len(order), dtype=np.int64)
    seat[order] = np.arange(len(order))
    return ranking[np.lexsort((seat[group], turn))]


def first_of_each(
    ranking: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    quotas: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return the first quotas[g] positions of each group g, or all that it has, in their order.

    Args:
        ranking: (n,) positions, best first.
        groups: the group (0 to G - 1) of each position.
        quotas: (G,).
    """
    group = groups[ranking]
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=len(quotas))
    place = np.empty(len(ranking), dtype=np.int64)
    place[by_group] = np.arange(len(ranking)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranking[place < quotas[group]]


def equals_by_ranking(
    chosen: npt.NDArray[np.int64],
    ranking: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return as many positions of each group as are chosen (b,): the first of them in a ranking.

    For what chose by position among positions that it could not tell apart. The answer is in the
    order of the ranking.

    Args:
        chosen: (b,) distinct positions.
        ranking: (N,) positions, best first.
        groups: (N,) the group (0 to G - 1) of each position.
    """
    return first_of_each(ranking, groups, np.bincount(groups[chosen], minlength=groups.max() + 1))


def pad_to_budget(
    chosen: npt.NDArray[np.int64], ranking: npt.NDArray[np.int64], budget: int
) -> npt.NDArray[np.int64]:
    """Return the chosen (n,), then the first of the ranking (N,) not among them: (B,) in all."""
    rest = ranking[~np.isin(ranking, chosen)]
    return np.concatenate([chosen, rest])[:budget]


def multiple_rounded_up(factor: float, count: int) -> int:
    """Return the least whole number from factor * count up, of the decimal that a factor is.

    Floats would give 1.1 * 50 as a little more than 55, and so 56.
    """
    return math.ceil(Fraction(repr(float(factor))) * count)


def largest_remainder(lacks: npt.NDArray[np.floating[Any]], total: int) -> npt.NDArray[np.int64]:
    """Return whole numbers in proportion to `lacks` (G,), summing to `total`.

    Largest remainders are rounded up, equal ones from the first group on. Where nothing lacks, all
    groups are equal.
    """
    total_lack = lacks.sum()
    exact = total * (lacks / total_lack if total_lack > 0 else np.full(len(lacks), 1 / len(lacks)))
    shares: npt.NDArray[np.int64] = np.floor(exact).astype(np.int64)
    up = np.argsort(shares - exact, kind="stable")[: total - shares.sum()]
    shares[up] += 1
    return shares


def class_balanced(
    ask: Callable[[int], npt.NDArray[np.int64]],
    classes: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    budget: int,
) -> npt.NDArray[np.int64]:
    """Choose equal numbers of each class, in the order that `ask` ranks them in.

    Classes take turns, the class of the first image first; what a small class lacks goes to the
    others. `ask` is asked for twice as many until each class has its share, so a strategy whose
    answers nest is cut from one ranking, and one whose answers do not is asked about a larger B.

    Args:
        ask: number of images -> as many positions of `left`, best first.
        classes: (N,) class of each position.
        left: (U,) positions to choose from.
        budget: B, at most U.
    """
    sizes = np.bincount(classes[left])
    shares = np.minimum(sizes, _turns(sizes, budget))
    requested = budget
    while True:
        ranking = ask(min(requested, len(left)))
        if np.all(np.bincount(classes[ranking], minlength=len(sizes)) >= shares):
            break
        requested *= 2
    present, first = np.unique(classes[ranking], return_index=True)
    absent = np.setdiff1d(np.arange(len(sizes)), present)
    order = np.concatenate([present[np.argsort(first)], absent])
    return round_robin(ranking, classes, order)[:budget]


def _turns(sizes: npt.NDArray[np.int64], budget: int) -> int:
    """Return after how many turns groups of these sizes have given `budget` between them."""
    ascending = np.sort(sizes)
    given = np.concatenate([[0], np.cumsum(ascending)])  # by the groups exhausted before
    for exhausted, size in enumerate(ascending):
        going_on = len(sizes) - exhausted
        if given[exhausted] + going_on * size >= budget:
            return int(-(-(budget - given[exhausted]) // going_on))
    raise ValueError(f"a budget of {budget} is more than the {given[-1]} positions to choose from")
