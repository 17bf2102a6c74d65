"""What the answers of a project say when a round is chosen: what may train, what is closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rayal.contracts import Labels
from rayal.label_arrays import mask_labels
from rayal.labeling.labeled import Bools, labeled_pool
from rayal.labeling.project import Project


@dataclass(frozen=True)
class AnswersSoFar:
    """What the answers say: class names, labels of those that may train, and what is closed.

    labels: (N,), or (N, C) where an image may have several classes.

    closed: (N,) whether an image can be chosen no more: it, or a near-duplicate of it, was chosen
    or has an answer.
    """

    classes: tuple[str, ...]
    labels: Labels
    closed: Bools


def answers_so_far(project: Project) -> AnswersSoFar:
    """Read the answers of a project. Labels of images to audit train nothing."""
    pool = project.pool
    labeled = labeled_pool(project, project.labels)
    chosen = {rayal_id for made in project.rounds for rayal_id in made.ids}
    touched = chosen.union(project.labels.standing())
    rows = [pool.position[rayal_id] for rayal_id in touched if rayal_id in pool.position]
    closed = np.isin(pool.standing, pool.standing[rows])
    return AnswersSoFar(labeled.classes, mask_labels(labeled.labels, labeled.audit), closed)
