"""Setting a test set apart: equal shares of each class, groups kept together."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayal.datasets._files.decoded_images import Listed
from rayal.seeds import generator

TestShare: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
SplitSeed: TypeAlias = Annotated[int, Field(ge=0)]


def split_by_share(
    listed: Listed, share: float, seed: int, groups: npt.NDArray[np.integer[Any]] | None = None
) -> dict[str, Listed]:
    """Divide files into train and test, as `chosen_to_test`.

    groups: (N,) numbers of groups; None: each image by itself.
    """
    alone = np.arange(len(listed.files)) if groups is None else groups
    to_test = chosen_to_test(listed.labels, alone, share, generator("test split", seed))
    return {
        split: Listed([listed.files[i] for i in np.flatnonzero(mine).tolist()], listed.labels[mine])
        for split, mine in (("train", ~to_test), ("test", to_test))
    }


def chosen_to_test(
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.integer[Any]],
    share: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Return which images (N,) are to test.

    In each class groups are taken in random order while that brings the class nearer to its share;
    at least one group and never all. A class of a single group has no test image. A group counts
    for the class of its first image.

    Args:
        labels: (N,) classes.
        groups: (N,) numbers of groups; images of one group come to the same side.
        share: of each class to test, between 0 and 1.
        rng: of the order.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    sizes = np.bincount(group)
    order = rng.permutation(len(first))
    to_test = np.zeros(len(first), dtype=np.bool_)
    for c in np.unique(labels[first]):
        mine = order[labels[first[order]] == c]
        to_test[mine[: _how_many(sizes[mine], share)]] = True
    return np.asarray(to_test[group])


def _how_many(sizes: npt.NDArray[np.int64], share: float) -> int:
    """Return how many groups, in this order, come nearest to the share of their sum."""
    after = np.cumsum(sizes)
    nearer = int(np.sum(after - sizes / 2 <= share * after[-1]))
    return min(max(nearer, 1), len(sizes) - 1)
