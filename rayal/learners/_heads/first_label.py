"""No learner can do without a label."""

from __future__ import annotations

from rayal.contracts import Task


def check_labelled(name: str, task: Task, use: str = "train on") -> None:
    """Raise ValueError where no image of a task has a label.

    Args:
        name: of the learner.
        task: what it was given.
        use: what the learner does with labels.
    """
    if len(task.labelled) == 0:
        raise ValueError(
            f"{name} needs at least one label to {use}, and none of {len(task.labels)} is given"
        )
