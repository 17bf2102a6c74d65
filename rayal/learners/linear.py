"""A linear head on frozen features (low-budget paper, section 4)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from rayal.contracts import Features, Indices, Labels, Predictions, Task, learner
from rayal.kernels.clustering import unit_rows
from rayal.kernels.prototypes import simplex
from rayal.label_arrays import has_label
from rayal.learners import _parameters as shared
from rayal.learners._heads.adam import AdamSchedule
from rayal.learners._heads.batched import Problem, fit_many
from rayal.learners._heads.head import Head, probs_of_all
from rayal.learners._heads.pseudo_labels import Rule, check_rule, joined, with_earlier
from rayal.learners._heads.scaling import standardizer
from rayal.learners._heads.softmax import initial_weights
from rayal.registry import from_arguments


def _gives(params: Mapping[str, Any]) -> set[str]:
    check_rule("linear", params)
    dropout = {"dropout"} if params["dropout"] else set()
    return (
        {"hidden", "last_layer", "views"}
        | dropout
        | ({"prototypes"} if params["prototypes"] else set())
    )


@learner(
    gives=_gives,
    uses_previous_predictions=lambda params: params["pseudo_labels"] is not None,
    fit_batched=lambda tasks, rngs, **params: linear_many(tasks, rngs, **params),
    multilabel=lambda params: not params["prototypes"] and params["pseudo_labels"] is None,
)
def linear(  # noqa: D417, PLR0913  the papers' recipes have this many settings
    task: Task,
    rng: np.random.Generator,
    *,
    epochs: PositiveInt = 100,
    batch_size: PositiveInt = 128,
    lr: PositiveFloat = 0.01,
    milestones: shared.Milestones = (50, 75),
    scaling: Literal["standardize", "l2"] = "standardize",
    dropout: shared.Dropout = 0.0,
    prototypes: shared.Prototypes = False,
    radius: shared.Radius = 1.0,
    pseudo_labels: shared.PseudoLabels = None,
    pseudo_threshold: shared.PseudoThreshold = 5e-5,
    pseudo_decay: shared.PseudoDecay = 3.3e-7,
) -> Predictions:
    """Train softmax regression by Adam on the labeled images.

    The head is C wide whatever classes have a label. Initial weights depend on `rng`, D and C
    alone, so that strategies compared at the same seed start alike. Where an image may have
    several classes, each class has a sigmoid and a binary cross-entropy, summed over those known.

    Args:
        task: at least one label.
        rng: draws the initial weights and shuffles the batches.
        epochs: E.
        batch_size: images in a step; 4 on CIFAR in the paper.
        lr: learning rate; gamma, its factor at each milestone, is .1.
        scaling: features by mean and standard deviation over the pool (the paper's text), or to
            unit length (its code).

    The other parameters are described in `rayal.learners._parameters`.
    """
    return _train([task], [rng], from_arguments(LinearRecipe, locals()))[0]


def linear_many(
    tasks: Sequence[Task], rngs: Sequence[np.random.Generator], **params: Any
) -> list[Predictions]:
    """Train the heads of several tasks at once; each is the head that `linear` trains, to the bit.

    Args:
        tasks: of one pool, test set and views: the same arrays. Labels and their number differ.
        rngs: a generator of its own for each task, drawn from as `linear` would.
        params: those of `linear`, the same for all tasks.

    Raises:
        ValueError: tasks of different pools, or generators that are not one for each.
        TypeError: a parameter that `linear` does not have.
    """
    arguments = inspect.signature(linear).bind(None, None, **params)
    arguments.apply_defaults()
    _check_same_pool(tasks, rngs)
    return _train(tasks, rngs, LinearRecipe(**arguments.kwargs)) if tasks else []


@dataclass(frozen=True)
class LinearRecipe:
    """The parameters of `linear`."""

    epochs: int
    batch_size: int
    lr: float
    milestones: tuple[int, ...]
    scaling: Literal["standardize", "l2"]
    dropout: float
    prototypes: bool
    radius: float
    pseudo_labels: Rule | None
    pseudo_threshold: float
    pseudo_decay: float

    @property
    def schedule(self) -> AdamSchedule:
        return AdamSchedule(self.epochs, self.batch_size, self.lr, self.milestones, self.dropout)

    def labels(self, task: Task) -> Labels:
        """Return the labels to train on, (N,)."""
        if not self.pseudo_labels:
            return task.labels
        return with_earlier(task, self.pseudo_threshold, self.pseudo_decay, self.pseudo_labels)


def _train(
    tasks: Sequence[Task], rngs: Sequence[np.random.Generator], recipe: LinearRecipe
) -> list[Predictions]:
    """Train the heads of tasks with the same features."""
    for task in tasks:
        task.require_label("linear")
    pool, C = tasks[0].train, tasks[0].num_classes
    scale = unit_rows if recipe.scaling == "l2" else standardizer(pool)
    last = recipe.radius * simplex(C).astype(np.float32) if recipe.prototypes else None
    outputs = C if last is None else C - 1
    starts = [initial_weights(pool.shape[1], outputs, rng) for rng in rngs]
    labels = [recipe.labels(task) for task in tasks]
    together, problems = _problems(labels, starts, rngs)
    trained = fit_many(scale(pool[together]), problems, recipe.schedule, last)
    binary = tasks[0].multilabel
    heads = [Head(scale, weights, last, recipe.dropout, binary) for weights in trained]
    tests = probs_of_all(heads, tasks[0].test)
    return [
        replace(head.predictions(task, test), pseudo_labels=joined(task, own, recipe.pseudo_labels))
        for head, task, test, own in zip(heads, tasks, tests, labels, strict=True)
    ]


def _problems(
    labels: Sequence[Labels], starts: Sequence[Features], rngs: Sequence[np.random.Generator]
) -> tuple[Indices, list[Problem]]:
    """Return which images are learned from, so that each is scaled once, and what by each head."""
    training = [np.flatnonzero(has_label(own)) for own in labels]
    together = np.unique(np.concatenate(training))
    each = zip(training, labels, starts, rngs, strict=True)
    return together, [
        Problem(np.searchsorted(together, rows), own[rows], start, rng)
        for rows, own, start, rng in each
    ]


def _check_same_pool(tasks: Sequence[Task], rngs: Sequence[np.random.Generator]) -> None:
    for name in ("train", "test", "views"):
        if len({id(getattr(task, name)) for task in tasks}) > 1:
            raise ValueError(
                f"linear_many trains tasks of one pool at once, and '{name}' of these {len(tasks)} "
                "is not one array; call it once for each pool"
            )
    if len(classes := {task.num_classes for task in tasks}) > 1:
        raise ValueError(
            f"linear_many trains heads of one width at once, and these {len(tasks)} tasks have "
            f"{sorted(classes)} classes; call it once for each"
        )
    if len({id(rng) for rng in rngs}) != len(tasks) or len(rngs) != len(tasks):
        raise ValueError(
            f"linear_many needs a generator of its own for each of {len(tasks)} tasks, and was "
            f"given {len({id(rng) for rng in rngs})}; make one with np.random.default_rng for each"
        )
