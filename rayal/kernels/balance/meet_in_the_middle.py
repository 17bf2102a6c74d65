"""Meeting in the middle: exchanging many images at once in the class-balanced program.

Images near the threshold are dealt into two halves. Each half lists its cheapest sets of flips
(images taken in or left out against the lowest values); a set of one half and a set of the other
meet where together they give as many images as before and class counts close to the target
(Horowitz and Sahni 1974, with a k-d tree in place of their sorted lists).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rayal.kernels.balance.problem import Bool, Float64, Int64
from rayal.kernels.balance.search import INNER, Window, mismatch_cost

HALF = 60  # images of a half, so that a set of them fits into 64 bits
SLICES = 16  # of the first list, each searched within what its cheapest set leaves
PAIRS = 4_000_000  # that are compared one by one
LISTED = 20_000  # sets of a half, where all of them are wanted
SEARCH_SLACK = 1.0  # a partner may be this much further away than the nearest
DIMENSIONS = 30  # above, a k-d tree is no faster than comparing all


@dataclass(frozen=True, eq=False)
class Flips:
    """m sets of flips of one half, the cheapest first.

    members (h,): places in the window; bits (m,): which of them a set flips; distance (m,);
    images (m,): how many more it chooses; counts (m, C): and how many more of each class;
    complete: no set cheaper than the limit was left out.
    """

    members: Int64
    bits: npt.NDArray[np.uint64]
    distance: Float64
    images: Int64
    counts: Float64
    complete: bool

    def flip(self, chosen: Bool, which: int) -> None:
        """Apply one of the sets to a selection (n,) of the window, in place."""
        places = np.arange(len(self.members), dtype=np.uint64)
        chosen[self.members[(self.bits[which] >> places & np.uint64(1)).astype(bool)]] ^= True


def combine_halves(window: Window, members: Int64, size: int, limit: float) -> Bool | None:
    """Return the best selection (n,) found whose excess is below the limit, or None.

    Args:
        window: the images near the threshold.
        members: (h,) at most 2 * HALF places in it; the others stay as in the base.
        size: how many sets each half lists.
        limit: the excess of the best selection known.
    """
    first, second = _lists_of_flips(window, members, size, limit)
    tight = np.abs(window.y) < window.weight * INNER
    if not 0 < np.count_nonzero(tight) <= DIMENSIONS:
        return None
    of_first, of_second = _partners(window, tight, (first, second), limit)
    if not len(of_first):
        return None
    missing = window.missing(window.base) - first.counts[of_first] - second.counts[of_second]
    excess = first.distance[of_first] + second.distance[of_second] + mismatch_cost(window, missing)
    excess[first.images[of_first] + second.images[of_second] != 0] = np.inf
    best = int(excess.argmin())
    return _apply(window, (first, second), int(of_first[best]), int(of_second[best]))


def finalize(window: Window, everything: bool, limit: float) -> tuple[bool, Bool | None]:
    """Look at every selection whose excess may be at most the limit, where they are few.

    Args:
        window: the images near the threshold.
        everything: the window holds the whole pool.
        limit: the excess of the best selection known, and the rounding.

    Returns:
        Whether every one was looked at, and the best of them (n,) if there is any.
    """
    near = int((np.abs(window.distance) <= limit).sum())
    if near > 2 * HALF or (near == len(window.distance) and not everything):
        return False, None
    first, second = _lists_of_flips(window, np.arange(near), LISTED, limit)
    if not (first.complete and second.complete):
        return False, None
    if len(first.bits) * len(second.bits) > PAIRS:
        return False, None
    y, weight = window.y, window.weight
    left = window.missing(window.base) - first.counts
    from scipy.spatial.distance import cdist

    excess = weight * cdist(left, second.counts, "cityblock")
    excess += (first.distance - left @ y)[:, None] + (second.distance + second.counts @ y)[None]
    excess[first.images[:, None] + second.images[None] != 0] = np.inf
    of_first, of_second = np.unravel_index(excess.argmin(), excess.shape)
    if not np.isfinite(excess[of_first, of_second]):
        return True, None
    return True, _apply(window, (first, second), int(of_first), int(of_second))


def _lists_of_flips(window: Window, members: Int64, size: int, limit: float) -> tuple[Flips, Flips]:
    halves = members[0::2], members[1::2]
    first, second = (_cheapest_flips(window, half, size, limit) for half in halves)
    return first, second


def _cheapest_flips(window: Window, members: Int64, size: int, limit: float) -> Flips:
    """List the cheapest sets of flips of ascending members, no set dearer than the limit."""
    step = np.where(window.base[members], -1, 1)
    each = np.abs(window.distance[members])
    bits, distance, images = np.zeros(1, np.uint64), np.zeros(1), np.zeros(1, np.int64)
    complete = True
    for place in range(len(members)):
        more = np.flatnonzero(distance + each[place] <= limit)
        bits = np.append(bits, bits[more] | np.uint64(1 << place))
        distance = np.append(distance, distance[more] + each[place])
        images = np.append(images, images[more] + step[place])
        if len(bits) > size:
            complete = False
            cheapest = np.sort(np.argpartition(distance, size - 1)[:size])
            bits, distance, images = bits[cheapest], distance[cheapest], images[cheapest]
    order = np.argsort(distance, kind="stable")
    bits = bits[order]
    counts = _unpack(bits, len(members)) @ (step[:, None] * window.probs[members])
    return Flips(members, bits, distance[order], images[order], counts, complete)


def _unpack(bits: npt.NDArray[np.uint64], size: int) -> Float64:
    places = np.arange(size, dtype=np.uint64)
    return (bits[:, None] >> places & np.uint64(1)).astype(np.float64)


def _partners(
    window: Window, tight: Bool, flips: tuple[Flips, Flips], limit: float
) -> tuple[Int64, Int64]:
    """Return places in both lists: for each of the first the nearest of the second, if near.

    A miss costs weight - y or weight + y by its sign. The tree knows one number for both, the
    lower. Branches of the tree that could hold only slightly better pairs are passed over.
    """
    first, second = flips
    scale = window.weight - np.abs(window.y[tight])
    apart = 2 * limit + 1  # further than any two that may meet
    missing = window.missing(window.base)
    wanted = (missing - first.counts)[:, tight] * scale
    wanted = np.column_stack([wanted, np.zeros(len(wanted)), -first.images * apart])
    offered = second.counts[:, tight] * scale
    offered = np.column_stack([offered, second.distance, second.images * apart])
    from scipy.spatial import KDTree

    tree = KDTree(offered, leafsize=32)
    near = np.full(len(wanted), len(offered))
    for part in np.array_split(np.arange(len(wanted)), SLICES):
        left = limit - first.distance[part].min(initial=limit)
        if left > 0:
            near[part] = tree.query(wanted[part], eps=SEARCH_SLACK, p=1, distance_upper_bound=left)[
                1
            ]
    of_first = np.flatnonzero(near < len(offered))
    return of_first, near[of_first]


def _apply(window: Window, flips: tuple[Flips, Flips], of_first: int, of_second: int) -> Bool:
    chosen = window.base.copy()
    flips[0].flip(chosen, of_first)
    flips[1].flip(chosen, of_second)
    return chosen
