"""Why an image was chosen, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rayal.contracts import UNLABELED, Features, Indices, Labels, Probs
from rayal.kernels import clustering, distances

AUDIT = "drawn at random, to measure the classifier with"
SURE = 0.6  # probability of the likeliest class from which on the classifier is not called unsure


def explain(features: Features, labels: Labels, chosen: Indices) -> dict[int, int]:
    """Return for each chosen row how many images of the pool it represents.

    An image is represented by the chosen or labeled one whose features, of unit length, are
    nearest.

    Args:
        features: (N, D) of the pool.
        labels: (N,) so far.
        chosen: rows (n,).
    """
    if not len(chosen):
        return {}
    centers = np.concatenate([chosen, np.flatnonzero(labels != UNLABELED)])
    points = clustering.unit_rows(features)
    nearest = distances.nearest_center(points, points[centers])
    counts = np.bincount(nearest, minlength=len(centers))
    return {int(row): max(1, int(counts[place])) for place, row in enumerate(chosen)}


def nearest_labeled(features: Features, labels: Labels, row: int) -> int | None:
    """Return the labeled row whose features (N, D) are nearest to a row's; labels (N,) so far."""
    known = np.flatnonzero(labels != UNLABELED)
    known = known[known != row]
    if not len(known):
        return None
    points = clustering.unit_rows(features[known])
    return int(known[np.argmax(points @ clustering.unit_rows(features[row][None])[0])])


def predicted(probs: Probs | None, classes: Sequence[str], row: int) -> tuple[str, float]:
    """Return the likeliest class of a row of probs (N, C) and its probability, "" and 0 if None."""
    if probs is None:
        return "", 0.0
    best = int(np.argmax(probs[row]))
    return classes[best], round(float(probs[row, best]), 4)


def in_words(probs: Probs | None, classes: Sequence[str], row: int, represents: int) -> str:
    """Say why a row was chosen; probs (N, C) of the classifier, None before there is one."""
    others = represents - 1
    like = f"{others:,} others that are" if others != 1 else "1 other that is"
    stands = f"stands for {like} most like it" if others else "unlike all others"
    if probs is None:
        return stands
    first, second = np.argsort(-probs[row], kind="stable")[:2]
    if probs[row, first] >= SURE:
        return f"{stands}; looks like {classes[first]} ({probs[row, first]:.0%})"
    return (
        f"the classifier is unsure: {classes[first]} {probs[row, first]:.0%}, "
        f"{classes[second]} {probs[row, second]:.0%}; {stands}"
    )
