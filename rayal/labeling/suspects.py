"""Labels that disagree with what lies around them: suspected mistakes, to be looked at again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rayal.contracts import Features, Indices
from rayal.kernels.clustering import unit_rows
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.training import held_out

NEIGHBORS = 5
IMPROBABLE = 0.05  # probability of a label below which it may be suspected


@dataclass(frozen=True)
class Suspect:
    """A label that neighbors and classifier contradict.

    row: of the image in the pool. label: what it was labeled. instead: what both hold it for.
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
    to it. The least probable label comes first.
    """
    rows = pool.labeled
    if len(rows) < NEIGHBORS + 1:
        return []
    features, labels = np.asarray(pool.features[rows]), pool.labels[rows]
    probs = held_out(features, labels, pool.groups[rows], pool.num_classes, rng)
    if probs is None:
        return []
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
    unit = unit_rows(features)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBORS]
    votes = np.zeros((len(features), num_classes), dtype=np.int64)
    np.add.at(votes, (np.arange(len(features))[:, None], labels[nearest]), 1)
    return votes
