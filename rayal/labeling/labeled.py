"""What the answers say of the pool, as arrays: the one form that learners and statistics read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Features, Indices, Labels
from rayal.labeling.labels import LabelLog
from rayal.labeling.project import Project

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabeledPool:
    """The N images of a pool with what is known of them.

    features (N, D). labels (N,): numbers of `classes`, UNLABELED without one. groups (N,): number
    of the group of each image. audit (N,): drawn at random to estimate the accuracy with; such an
    image trains nothing. rounds (N,): the round that an image was chosen in, 0 for one that was
    labeled without being chosen. not_usable (N,): that a person said so.
    """

    features: Features
    labels: Labels
    classes: tuple[str, ...]
    groups: Indices
    audit: Bools
    rounds: Indices
    not_usable: Bools

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @cached_property
    def training(self) -> Indices:
        """Ascending positions of the images that have a label and train."""
        return np.flatnonzero((self.labels != UNLABELED) & ~self.audit)

    @cached_property
    def audited(self) -> Indices:
        """Ascending positions of the audit images that have a label."""
        return np.flatnonzero((self.labels != UNLABELED) & self.audit)

    @cached_property
    def labeled(self) -> Indices:
        """Ascending positions of all images that have a label."""
        return np.flatnonzero(self.labels != UNLABELED)

    @cached_property
    def unlabeled(self) -> Indices:
        """Ascending positions of the images that nobody has said anything of."""
        return np.flatnonzero((self.labels == UNLABELED) & ~self.not_usable)

    @property
    def training_features(self) -> Features:
        """Features (n, D) of the images that train."""
        return np.asarray(self.features[self.training])

    @property
    def training_labels(self) -> Labels:
        """Classes (n,) of the images that train."""
        return self.labels[self.training]


def labeled_pool(project: Project, log: LabelLog) -> LabeledPool:
    """Return what the answers of a project say of its pool.

    Answers about images that are not in the pool say nothing here.
    """
    pool = project.pool
    current = {pool.position[i]: said for i, said in log.current().items() if i in pool.position}
    named = {row: said for row, said in current.items() if isinstance(said, str)}
    classes = known_classes(project, log)
    number = {name: n for n, name in enumerate(classes)}
    labels = np.full(len(pool), UNLABELED, dtype=np.int64)
    for row, name in named.items():
        labels[row] = number[name]
    not_usable = np.zeros(len(pool), dtype=bool)
    not_usable[[row for row in current if row not in named]] = True
    audit, rounds = _chosen(project, pool.position)
    groups = np.unique(np.asarray(pool.groups, dtype=object), return_inverse=True)[1]
    return LabeledPool(
        project.features, labels, classes, groups.astype(np.int64), audit, rounds, not_usable
    )


def known_classes(project: Project, log: LabelLog) -> tuple[str, ...]:
    """Return the classes: those named beforehand, then others in the order of their first label.

    A class that nothing is labeled as any more is left out, unless it was named beforehand.
    """
    used = set(log.labels().values())
    seen = (answer.label for answer in log.all() if answer.label in used)
    return tuple(name for name in dict.fromkeys([*project.settings.classes, *seen]) if name)


def _chosen(project: Project, position: Mapping[str, int]) -> tuple[Bools, Indices]:
    audit = np.zeros(len(position), dtype=bool)
    rounds = np.zeros(len(position), dtype=np.int64)
    for made in project.rounds:
        rounds[_rows(made.ids, position)] = made.number
        audit[_rows(made.audit_ids, position)] = True
    return audit, rounds


def _rows(ids: Sequence[str], position: Mapping[str, int]) -> list[int]:
    return [position[rayal_id] for rayal_id in ids if rayal_id in position]
