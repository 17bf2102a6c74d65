"""Labels that disagree with what lies around them: suspected mistakes, to be looked at again.

Where an image may have several classes, whether it has each of the C is a decision, improbable
below a C-th of what is improbable for a label. On mosaics of blood cells and of scans
(`benchmarks/multilabel_report.py suspects`: 200 labels chosen at random, of which 10 have a wrong
decision, five projects) .05 itself suspected 214 decisions of which 15 were wrong, and 72 of which
37 were; a C-th of it about 40 of which 7 were, and 25 of which 19 were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rayal.contracts import Features, Indices, Probs
from rayal.kernels.clustering import unit_rows
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.training import held_out
from rayal.multilabel_metrics import HALF

NEIGHBORS = 5
IMPROBABLE = 0.05  # probability of a label below which it may be suspected


@dataclass(frozen=True)
class Suspect:
    """A label that neighbors and classifier contradict.

    row: of the image in the pool. label: what it was labeled. instead: what both hold it for; where
    an image may have several classes, both are "with X" and "without X" for one class X.
    agreeing: how many of `neighbors` nearest labeled images are labeled `instead`. probability: of
    the label, by a classifier that did not see it.
    """

    row: int
    label: str
    instead: str
    agreeing: int
    neighbors: int
    probability: float


def suspects(pool: LabeledPool, rng: np.random.Generator) -> list[Suspect]:
    """Return the labels that most of the nearest labeled images contradict, and the classifier too.

    The classifier is one that was trained without the image's group, so that no label speaks for
    itself; its class and that of the neighbors' majority must be the same, and the label improbable
    to it. The least probable label comes first. Where an image may have several classes, each class
    is looked at for itself.
    """
    rows = pool.labeled
    if len(rows) < NEIGHBORS + 1:
        return []
    features, labels = np.asarray(pool.features[rows]), pool.labels[rows]
    probs = held_out(features, labels, pool.groups[rows], pool.num_classes, rng)
    if probs is None:
        return []
    if pool.multilabel:
        return _of_each_class(pool, probs, features)
    votes = _votes(features, labels, pool.num_classes)
    predicted = probs.argmax(axis=1)
    agreeing = votes[np.arange(len(rows)), predicted]
    own = probs[np.arange(len(rows)), labels]
    doubtful = np.flatnonzero(
        (predicted != labels) & (2 * agreeing > NEIGHBORS) & (own < IMPROBABLE)
    )
    return [
        Suspect(
            int(rows[i]), pool.classes[labels[i]], pool.classes[predicted[i]], int(agreeing[i]),
            NEIGHBORS, float(own[i]),
        )
        for i in doubtful[np.argsort(own[doubtful], kind="stable")]
    ]  # fmt: skip


def _votes(features: Features, labels: Indices, num_classes: int) -> Indices:
    """Return how many of the nearest labeled images are of each class, (n, C)."""
    nearest = _nearest(features)
    votes = np.zeros((len(features), num_classes), dtype=np.int64)
    np.add.at(votes, (np.arange(len(features))[:, None], labels[nearest]), 1)
    return votes


def _of_each_class(pool: LabeledPool, probs: Probs, features: Features) -> list[Suspect]:
    """Return the suspects of each class: whether an image was said to have it is contradicted."""
    has = pool.labels[pool.labeled] == 1
    votes = has[_nearest(features)].sum(axis=1)  # (n, C), neighbors that have the class
    predicted = probs >= HALF
    agreeing = np.where(predicted, votes, NEIGHBORS - votes)
    own = np.where(has, probs, 1 - probs)
    improbable = own < IMPROBABLE / pool.num_classes
    doubtful = np.argwhere((predicted != has) & (2 * agreeing > NEIGHBORS) & improbable)
    order = np.argsort(own[tuple(doubtful.T)], kind="stable")
    words = {True: "with", False: "without"}
    return [
        Suspect(
            int(pool.labeled[i]), f"{words[bool(has[i, c])]} {pool.classes[c]}",
            f"{words[bool(predicted[i, c])]} {pool.classes[c]}", int(agreeing[i, c]), NEIGHBORS,
            float(own[i, c]),
        )
        for i, c in doubtful[order]
    ]  # fmt: skip


def _nearest(features: Features) -> Indices:
    """Return the nearest other images (n, NEIGHBORS), the nearest one first."""
    unit = unit_rows(features)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBORS]
