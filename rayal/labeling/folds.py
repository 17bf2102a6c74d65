"""Folds of a cross-validation: images of a group on one side, classes as even as can be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.contracts import Indices, Labels
from rayal.label_arrays import is_multilabel


def group_folds(groups: Indices, labels: Labels, count: int, rng: np.random.Generator) -> Indices:
    """Return the fold (n,), from 0, of each image.

    Large groups go first; each goes where the fewest images of its own classes are.

    Args:
        groups: (n,) number of the group of each image.
        labels: (n,) classes from 0, or (n, C) of 0 and 1.
        count: of folds; as many as there are groups at the most.
        rng: decides the order of groups of one size.
    """
    names, member = np.unique(groups, return_inverse=True)
    counts = _counts(member, labels)
    in_fold = np.zeros((min(count, len(names)), counts.shape[1]))
    fold_of = np.zeros(len(names), dtype=np.int64)
    shuffled = rng.permutation(len(names))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        clash = in_fold @ counts[group]
        fold = int(np.lexsort((in_fold.sum(axis=1), clash))[0])
        in_fold[fold] += counts[group]
        fold_of[group] = fold
    return fold_of[member]


def _counts(member: Indices, labels: Labels) -> npt.NDArray[np.float64]:
    """Return how many images of each class a group has; of several an image also those of none."""
    groups = int(member.max(initial=-1)) + 1
    if not is_multilabel(labels):
        counts = np.zeros((groups, int(labels.max(initial=0)) + 1))
        np.add.at(counts, (member, labels), 1)
        return counts
    has_none = ~(labels == 1).any(axis=1)
    counts = np.zeros((groups, labels.shape[1] + 1))
    np.add.at(counts, member, np.column_stack([labels == 1, has_none]))
    return counts
