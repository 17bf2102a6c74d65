"""Setting a test set apart: equal shares of each class, groups kept together."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayal.datasets._files.decoded_images import FileList
from rayal.label_arrays import Labels, count_by_class, is_multilabel
from rayal.seeds import generator

TestShare: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
SplitSeed: TypeAlias = Annotated[int, Field(ge=0)]


def split_by_share(
    listed: FileList, share: float, seed: int, groups: npt.NDArray[np.integer[Any]] | None = None
) -> dict[str, FileList]:
    """Divide files into train and test, as `draw_test_images`.

    A share that became another one because groups stay together, and classes that have no image to
    test, are told by a warning.

    Args:
        listed: N files.
        share: of each class to test, between 0 and 1.
        seed: of the draw.
        groups: (N,) numbers of groups; None: each image by itself.
    """
    each_group = np.arange(len(listed.files)) if groups is None else groups
    classes = _one_class_each(listed.labels)
    to_test = draw_test_images(classes, each_group, share, generator("test split", seed))
    if groups is not None:
        _explain_share(classes, groups, share, to_test)
    return {"train": _subset(listed, ~to_test), "test": _subset(listed, to_test)}


def draw_test_images(
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
        of_class = order[labels[first[order]] == c]
        to_test[of_class[: _groups_to_test(sizes[of_class], share)]] = True
    return np.asarray(to_test[group])


def _one_class_each(labels: Labels) -> npt.NDArray[np.int64]:
    """Return (N,) of labels (N,) or (N, C): of several classes the rarest; C for none of them."""
    if not is_multilabel(labels):
        return labels
    C = labels.shape[1]
    counts = np.where(labels == 1, count_by_class(labels, C), len(labels) + 1)
    return np.asarray(np.where((labels == 1).any(axis=1), counts.argmin(axis=1), C))


def _groups_to_test(sizes: npt.NDArray[np.int64], share: float) -> int:
    """Return how many groups, in this order, come nearest to the share of their sum."""
    after = np.cumsum(sizes)
    nearer = int(np.sum(after - sizes / 2 <= share * after[-1]))
    return min(max(nearer, 1), len(sizes) - 1)


def _subset(listed: FileList, chosen: npt.NDArray[np.bool_]) -> FileList:
    files = [listed.files[i] for i in np.flatnonzero(chosen).tolist()]
    return FileList(files, listed.labels[chosen])


def _explain_share(
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.integer[Any]],
    share: float,
    to_test: npt.NDArray[np.bool_],
) -> None:
    """Warn where single images would have come nearer to the share than groups do."""
    total, tested = len(labels), int(to_test.sum())
    singly = sum(_groups_to_test(np.ones(n, np.int64), share) for n in np.bincount(labels) if n)
    nearer = abs(singly - share * total) < abs(tested - share * total)
    if nearer and f"{tested / total:.2f}" != f"{share:.2f}":
        largest = np.unique(groups, return_counts=True)[1].max()
        warnings.warn(
            f"test_share={share:g} became {tested / total:.2f}: {tested:,} of {total:,} images are "
            f"to test, because groups stay together and the largest has {largest:,} images",
            stacklevel=4,
        )
