"""Why an image was chosen, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rayal.contracts import Features, Indices, Labels, Probs
from rayal.kernels import clustering, distances
from rayal.label_arrays import has_label
from rayal.labeling.class_names import NONE, ClassSet
from rayal.multilabel_metrics import HALF

AUDIT = "drawn at random, to measure the classifier with"
SURE = 0.6  # probability of the likeliest class from which on the classifier is not called unsure


def explain(features: Features, labels: Labels, chosen: Indices) -> dict[int, int]:
    """Return for each chosen row how many images of the pool it represents.

    An image is represented by the chosen or labeled one whose features, of unit length, are
    nearest.

    Args:
        features: (N, D) of the pool.
        labels: (N,), or (N, C), so far.
        chosen: rows (n,).
    """
    if not len(chosen):
        return {}
    centers = np.concatenate([chosen, np.flatnonzero(has_label(labels))])
    points = clustering.unit_rows(features)
    nearest = distances.nearest_center(points, points[centers])
    counts = np.bincount(nearest, minlength=len(centers))
    return {int(row): max(1, int(counts[place])) for place, row in enumerate(chosen)}


def nearest_labeled(features: Features, labels: Labels, row: int) -> int | None:
    """Return the labeled row whose features (N, D) are nearest to a row's; labels so far."""
    known = np.flatnonzero(has_label(labels))
    known = known[known != row]
    if not len(known):
        return None
    points = clustering.unit_rows(features[known])
    return int(known[np.argmax(points @ clustering.unit_rows(features[row][None])[0])])


@dataclass(frozen=True)
class Guess:
    """What the classifier takes an image for.

    predicted: its class, or its classes. confidence: of that; where an image may have several, of
    the class that the classifier is least sure of. looks: the likeliest, in words, with their
    probabilities. unsure: those between which it hesitates, in words, "" where it does not.
    """

    predicted: str
    confidence: float
    looks: str
    unsure: str


def guess_of(probs: Probs | None, classes: Sequence[str], multilabel: bool) -> Guess | None:
    """Return what the classifier takes an image for.

    Args:
        probs: (C,) of the image, None before there is a classifier.
        classes: C names.
        multilabel: whether an image may have several.
    """
    if probs is None:
        return None
    if multilabel:
        return _guess_of_several(probs, classes)
    first, second = np.argsort(-probs, kind="stable")[:2]
    sure = probs[first] >= SURE
    return Guess(
        classes[first],
        round(float(probs[first]), 4),
        _with_percent(classes[first], probs[first], "({})"),
        "" if sure else f"{_with_percent(classes[first], probs[first])}, "
        f"{_with_percent(classes[second], probs[second])}",
    )  # fmt: skip


def in_words(guess: Guess | None, represents: int) -> str:
    """Say why an image was chosen that stands for so many of the pool, itself included."""
    others = represents - 1
    like = f"{others:,} others that are" if others != 1 else "1 other that is"
    stands = f"stands for {like} most like it" if others else "unlike all others"
    if guess is None:
        return stands
    if not guess.unsure:
        return f"{stands}; looks like {guess.looks}"
    return f"the classifier is unsure: {guess.unsure}; {stands}"


def _guess_of_several(probs: Probs, classes: Sequence[str]) -> Guess:
    likely = [c for c in np.argsort(-probs, kind="stable") if probs[c] >= HALF]
    sureness = np.maximum(probs, 1 - probs)
    unsure = [c for c in np.argsort(sureness, kind="stable")[:2] if sureness[c] < SURE]
    return Guess(
        str(ClassSet(tuple(sorted(classes[c] for c in likely)))),
        round(float(sureness.min()), 4),
        ", ".join(_with_percent(classes[c], probs[c], "({})") for c in likely) or NONE,
        ", ".join(_with_percent(classes[c], probs[c]) for c in unsure),
    )


def _with_percent(name: str, probability: float, form: str = "{}") -> str:
    return f"{name} {form.format(f'{probability:.0%}')}"
