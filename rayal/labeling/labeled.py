"""What the answers say of the pool, as arrays: the one form that learners and statistics read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Features, Indices, Labels
from rayal.label_arrays import has_label, is_multilabel
from rayal.labeling.answers import NOT_USABLE
from rayal.labeling.class_names import ClassSet, check_distinct, check_known
from rayal.labeling.errors import LabelingError
from rayal.labeling.labels import LabelLog
from rayal.labeling.project import Project

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabeledPool:
    """The N images of a pool with what is known of them.

    features (N, D). labels (N,): numbers of `classes`, UNLABELED without one; (N, C) of 0 and 1
    where an image may have several, a row of UNLABELED without an answer. groups (N,): number
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

    @property
    def multilabel(self) -> bool:
        """Whether an image may have several classes."""
        return is_multilabel(self.labels)

    @cached_property
    def training(self) -> Indices:
        """Ascending positions of the images that have a label and train."""
        return np.flatnonzero(has_label(self.labels) & ~self.audit)

    @cached_property
    def audited(self) -> Indices:
        """Ascending positions of the audit images that have a label."""
        return np.flatnonzero(has_label(self.labels) & self.audit)

    @cached_property
    def labeled(self) -> Indices:
        """Ascending positions of all images that have a label."""
        return np.flatnonzero(has_label(self.labels))

    @cached_property
    def unlabeled(self) -> Indices:
        """Ascending positions of the images that nobody has said anything of."""
        return np.flatnonzero(~has_label(self.labels) & ~self.not_usable)

    @property
    def training_features(self) -> Features:
        """Features (n, D) of the images that train."""
        return np.asarray(self.features[self.training])

    @property
    def training_labels(self) -> Labels:
        """Classes (n,), or (n, C), of the images that train."""
        return self.labels[self.training]

    def label_of(self, row: int) -> str:
        """Return the label of an image as text."""
        if not self.multilabel:
            return self.classes[int(self.labels[row])]
        return str(ClassSet(tuple(self.classes[c] for c in np.flatnonzero(self.labels[row] == 1))))


def labeled_pool(project: Project, log: LabelLog) -> LabeledPool:
    """Return what the answers of a project say of its pool.

    Answers about images that are not in the pool say nothing here.

    Raises:
        LabelingError: the log holds answers of a project of the other kind.
    """
    pool = project.pool
    current = {
        pool.position[i]: answer for i, answer in log.current().items() if i in pool.position
    }
    named = {row: answer for row, answer in current.items() if answer is not NOT_USABLE}
    classes = known_classes(project, log)
    labels = _label_array(project, named, classes)
    not_usable = np.zeros(len(pool), dtype=bool)
    not_usable[[row for row in current if row not in named]] = True
    audit, rounds = _chosen(project, pool.position)
    groups = np.unique(np.asarray(pool.groups, dtype=object), return_inverse=True)[1]
    return LabeledPool(
        project.features, labels, classes, groups.astype(np.int64), audit, rounds, not_usable
    )


def known_classes(project: Project, log: LabelLog) -> tuple[str, ...]:
    """Return the classes: those named beforehand, then others in the order of their first label.

    A class that nothing is labeled as any more is left out, unless it was named beforehand. Where
    an image may have several classes there are no others than those named beforehand.
    """
    if project.settings.multilabel:
        return project.settings.classes
    used = set(log.labels().values())
    seen = (answer.label for answer in log.all() if answer.label in used)
    return tuple(name for name in dict.fromkeys([*project.settings.classes, *seen]) if name)


def check_new_classes(
    project: Project, log: LabelLog, labels: Mapping[str, str | ClassSet | None]
) -> None:
    """Refuse labels, by id, that would make a class which looks like one that then stands.

    Raises:
        LabelingError: two classes look alike.
    """
    before = log.labels()
    if {label for label in labels.values() if label} <= set(before.values()):
        return
    after = {label for label in {**before, **labels}.values() if isinstance(label, str)}
    check_distinct([*project.settings.classes, *after])


def _label_array(
    project: Project, named: Mapping[int, str | ClassSet], classes: Sequence[str]
) -> Labels:
    """Return labels (N,), or (N, C), from what is said of each row."""
    multilabel, count = project.settings.multilabel, len(project.pool)
    number = {name: n for n, name in enumerate(classes)}
    labels = np.full((count, len(classes)) if multilabel else count, UNLABELED, dtype=np.int64)
    for row, label in named.items():
        if isinstance(label, ClassSet) != multilabel:
            has = "several classes" if multilabel else "one class"
            raise LabelingError(
                f"an image of {project.root} has {has}, and answers.jsonl has {str(label)!r} for "
                f"{project.pool[row].path}: the log belongs to another project"
            )
        if isinstance(label, ClassSet):
            check_known(label, classes, f"{project.pool[row].path}: ")
            labels[row] = 0
            labels[row, [number[name] for name in label.names]] = 1
        else:
            labels[row] = number[label]
    return labels


def _chosen(project: Project, position: Mapping[str, int]) -> tuple[Bools, Indices]:
    audit = np.zeros(len(position), dtype=bool)
    rounds = np.zeros(len(position), dtype=np.int64)
    for made in project.rounds:
        rounds[_rows(made.ids, position)] = made.number
        audit[_rows(made.audit_ids, position)] = True
    return audit, rounds


def _rows(ids: Sequence[str], position: Mapping[str, int]) -> list[int]:
    return [position[rayal_id] for rayal_id in ids if rayal_id in position]
