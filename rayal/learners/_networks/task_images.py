"""What the learners that train a network share: from a task to a classifier and to predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from rayal.contracts import UNLABELED, Features, Images, Labels, Predictions, Probs, Task
from rayal.kernels.prototypes import simplex
from rayal.learners._heads.first_label import check_labelled
from rayal.seeds import integer
from rayal.vision import classifier_augment as weak
from rayal.vision.classifier import Classifier, Float32, of_hidden, of_images
from rayal.vision.training import Labelled


def needs(params: Mapping[str, Any]) -> set[str]:
    """Return what training with these parameters reads besides labels."""
    watches = params["plateau_patience"] is not None or params["early_stopping"] is not None
    return {"images", "val"} if watches else {"images"}


def gives(params: Mapping[str, Any]) -> set[str]:
    """Return what predictions hold with these parameters, besides probabilities."""
    views = {"views"} if params["augmentation"] != "none" else set()
    dropout = {"dropout"} if params.get("dropout") else set()
    return {"hidden"} | views | dropout | ({"prototypes"} if params["prototypes"] else set())


@dataclass(frozen=True)
class Pictures:
    """The images of a task, (N, H, W, channels) each, which it may be without."""

    pool: Images
    test: Images

    @property
    def channels(self) -> int:
        return int(self.pool.shape[3])


def pictures(name: str, task: Task) -> Pictures:
    """Return a task's images.

    Raises:
        ValueError: no image has a label, or the task has no images.
    """
    check_labelled(name, task)
    if task.images is None or task.test_images is None:
        raise ValueError(
            f"{name} trains a network on images, and the task has none of the "
            f"{'pool' if task.images is None else 'test set'}; give images and test_images, or "
            "take a learner of features such as linear"
        )
    return Pictures(task.images, task.test_images)


def labelled(images: Images, labels: Labels) -> Labelled:
    """Return the images that have a label, and their classes."""
    known = np.flatnonzero(labels != UNLABELED)
    return Labelled(images[known], labels[known])


def held_out(name: str, task: Task, watches: bool) -> Labelled | None:
    """Return the validation set where a recipe watches one.

    Raises:
        ValueError: the dataset has none.
    """
    if not watches:
        return None
    if task.val is None:
        raise ValueError(
            f"{name}: plateau_patience and early_stopping watch the loss on a validation set, and "
            "the dataset has none; take a dataset with one or set both to null"
        )
    return Labelled(task.val.images, task.val.labels)


def classifier(
    backbone: nn.Module,
    num_classes: int,
    rng: np.random.Generator,
    *,
    dropout: float = 0.0,
    radius: float | None = None,
    spread: tuple[Float32, Float32] | None = None,
) -> Classifier:
    """Put a last layer for C classes behind a backbone.

    Args:
        backbone: of rayal.vision.networks.
        num_classes: C.
        rng: draws the initial weights of the last layer.
        dropout: part of what the last layer sees that is dropped in training.
        radius: of fixed prototypes before the logits; None leaves them out.
        spread: mean and variance (D,) of the features, to standardise them from there on.
    """
    return Classifier(
        backbone,
        num_classes,
        integer(rng),
        dropout=dropout,
        prototypes=None if radius is None else (radius * simplex(num_classes)).astype(np.float32),
        spread=spread,
    )


@dataclass(frozen=True)
class Trained:
    """A trained classifier, and the images that it is asked about.

    Hidden features of the pool (N, H) are made on first use and kept: dropout stands behind them,
    so that all Monte-Carlo passes need the backbone once.
    """

    classifier: Classifier
    images: Pictures
    augmentation: weak.Name
    views: int
    seed: int  # of the views

    def predictions(self) -> Predictions:
        seeing, dropping = self.augmentation != "none", self.classifier.dropout > 0
        return Predictions(
            test=of_images(self.classifier, self.images.test, self.classifier.probabilities),
            predict_pool=self._pool,
            predict_dropout=self._dropout_passes if dropping else None,
            predict_views=self._view_passes if seeing else None,
            hide=lambda: self._hidden,
            project=self._projected if self.classifier.prototypes is not None else None,
        )

    @cached_property
    def _hidden(self) -> Features:
        found = of_images(self.classifier, self.images.pool, lambda hidden: hidden)
        found.flags.writeable = False  # the passes with dropout read it again
        return found

    def _pool(self) -> Probs:
        return of_images(self.classifier, self.images.pool, self.classifier.probabilities)

    def _projected(self) -> Features:
        return of_hidden(self._hidden, self.classifier.outputs)

    def _dropout_passes(self, passes: int, rng: np.random.Generator) -> Iterator[Probs]:
        generator = torch.Generator().manual_seed(integer(rng))
        for _ in range(passes):
            yield of_hidden(
                self._hidden, lambda hidden: self.classifier.probabilities(hidden, generator)
            )

    def _view_passes(self) -> Iterator[Probs]:
        generator = torch.Generator().manual_seed(self.seed)
        augment = weak.augmentation(self.augmentation)
        for _ in range(self.views):
            yield of_images(
                self.classifier,
                self.images.pool,
                self.classifier.probabilities,
                lambda batch: augment(batch, generator),
            )
