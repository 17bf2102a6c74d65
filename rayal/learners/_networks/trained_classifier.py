"""A classifier for the classes of a task: how it is made, and its predictions when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from rayal.contracts import Features, Predictions, Probs
from rayal.kernels.prototypes import simplex
from rayal.learners._networks.task_images import TaskImages
from rayal.seeds import integer
from rayal.vision.classifier import Classifier, Float32, predict_hidden, predict_images
from rayal.vision.classifier_augment import (
    ClassifierAugmentation,
    ViewsAugmentation,
    classifier_augment,
)


def needs(params: Mapping[str, Any]) -> set[str]:
    """Return what training with these parameters reads besides labels."""
    watches = params["plateau_patience"] is not None or params["early_stopping"] is not None
    return {"images", "val"} if watches else {"images"}


def gives(params: Mapping[str, Any]) -> set[str]:
    """Return what predictions hold with these parameters, besides probabilities."""
    augmentation = params.get("views_augmentation") or params["augmentation"]
    views = {"views"} if augmentation != "none" else set()
    dropout = {"dropout"} if params.get("dropout") else set()
    return (
        {"hidden", "last_layer"}
        | views
        | dropout
        | ({"prototypes"} if params["prototypes"] else set())
    )


def make_classifier(
    backbone: nn.Module,
    num_classes: int,
    rng: np.random.Generator,
    *,
    dropout: float = 0.0,
    radius: float | None = None,
    feature_stats: tuple[Float32, Float32] | None = None,
) -> Classifier:
    """Put a last layer for C classes behind a backbone.

    Args:
        backbone: of rayal.vision.networks.
        num_classes: C.
        rng: draws the initial weights of the last layer.
        dropout: fraction of what the last layer sees that is dropped in training.
        radius: of fixed prototypes before the logits; None leaves them out.
        feature_stats: mean and variance (D,) of the features, to standardize them from there on.
    """
    return Classifier(
        backbone,
        num_classes,
        integer(rng),
        dropout=dropout,
        prototypes=None if radius is None else (radius * simplex(num_classes)).astype(np.float32),
        feature_stats=feature_stats,
    )


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained classifier, and the images that it is asked about.

    Hidden features of the pool (N, H) are made on first use and kept: dropout stands behind them,
    so that all Monte-Carlo passes need the backbone once.
    """

    classifier: Classifier
    images: TaskImages
    views_augmentation: ClassifierAugmentation | ViewsAugmentation  # none: it answers for no views
    views: int
    seed: int  # of the views

    def predictions(self) -> Predictions:
        has_views, has_dropout = self.views_augmentation != "none", self.classifier.dropout > 0
        return Predictions(
            test=predict_images(self.classifier, self.images.test, self.classifier.probabilities),
            predict_pool=self._predict_pool,
            mc_dropout=self._predict_dropout if has_dropout else None,
            predict_views=self._predict_views if has_views else None,
            penultimate_features=lambda: self._hidden,
            last_layer=self.classifier.last_layer,
            prototype_outputs=self._project if self.classifier.prototypes is not None else None,
        )

    @cached_property
    def _hidden(self) -> Features:
        hidden = predict_images(self.classifier, self.images.pool, lambda hidden: hidden)
        hidden.flags.writeable = False  # the passes with dropout read it again
        return hidden

    def _predict_pool(self) -> Probs:
        return predict_images(self.classifier, self.images.pool, self.classifier.probabilities)

    def _project(self) -> Features:
        return predict_hidden(self._hidden, self.classifier.outputs)

    def _predict_dropout(self, passes: int, rng: np.random.Generator) -> Iterator[Probs]:
        generator = torch.Generator().manual_seed(integer(rng))
        for _ in range(passes):
            yield predict_hidden(
                self._hidden, lambda hidden: self.classifier.probabilities(hidden, generator)
            )

    def _predict_views(self) -> Iterator[Probs]:
        generator = torch.Generator().manual_seed(self.seed)
        augment = classifier_augment(self.views_augmentation)
        for _ in range(self.views):
            yield predict_images(
                self.classifier,
                self.images.pool,
                self.classifier.probabilities,
                lambda batch: augment(batch, generator),
            )
