"""What a network trains on: the images of a task, and those of them that have a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rayal.contracts import UNLABELED, Images, Labels, Task
from rayal.vision.training import LabeledImages


@dataclass(frozen=True)
class TaskImages:
    """The images of a task, (N, H, W, channels) of the pool and (M, H, W, channels) to test."""

    pool: Images
    test: Images

    @property
    def channels(self) -> int:
        return int(self.pool.shape[3])

    def labeled(self, labels: Labels) -> LabeledImages:
        """Return the images of the pool that have a label (N,), and their classes."""
        rows = np.flatnonzero(labels != UNLABELED)
        return LabeledImages(self.pool[rows], labels[rows])


def task_images(learner: str, task: Task) -> TaskImages:
    """Return a task's images.

    Args:
        learner: name of who asks.
        task: what it was given.

    Raises:
        ValueError: no image has a label, or the task has no images.
    """
    task.require_label(learner)
    if task.images is None or task.test_images is None:
        raise ValueError(
            f"{learner} trains a network on images, and the task has none of the "
            f"{'pool' if task.images is None else 'test set'}; give images and test_images, or "
            "take a learner of features such as linear"
        )
    return TaskImages(task.images, task.test_images)


def validation_set(learner: str, task: Task, needed: bool) -> LabeledImages | None:
    """Return the validation set of a task, None where it is not needed.

    Args:
        learner: name of who asks.
        task: what it was given.
        needed: whether training watches the loss on one.

    Raises:
        ValueError: it is needed, and the dataset has none.
    """
    if not needed:
        return None
    if task.val is None:
        raise ValueError(
            f"{learner}: plateau_patience and early_stopping watch the loss on a validation set, "
            "and the dataset has none; take a dataset with one or set both to null"
        )
    return LabeledImages(task.val.images, task.val.labels)
