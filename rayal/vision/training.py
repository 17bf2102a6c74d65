"""Training of a classifier on labeled images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from rayal.vision import batches
from rayal.vision.classifier import Classifier, Images, predict_images
from rayal.vision.classifier_augment import classifier_augment
from rayal.vision.device import to_device, upload
from rayal.vision.precision import Precision, autocast
from rayal.vision.training_recipe import EarlyStopping, LRSchedule, TrainingRecipe, make_optimizer


@dataclass(frozen=True)
class LabeledImages:
    """Images (n, H, W, channels) and their classes (n,)."""

    images: Images
    labels: npt.NDArray[np.int64]


def fit(
    classifier: Classifier,
    train_set: LabeledImages,
    recipe: TrainingRecipe,
    seed: int,
    val_set: LabeledImages | None = None,
) -> None:
    """Train by mean cross-entropy, in place.

    On a CPU the same seed and number of threads give the same weights. torch's global generators
    are neither read nor changed.

    Args:
        classifier: changed in place.
        train_set: at least one image, all on the device while training lasts.
        recipe: settings.
        seed: of the order of the images, their augmentation and dropout.
        val_set: validation set, where the recipe watches one.

    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    generator = torch.Generator().manual_seed(seed)
    loader = _Batches(train_set, recipe, generator)
    optimizer = make_optimizer(recipe, classifier)
    schedule = LRSchedule(recipe, optimizer)
    patience = recipe.early_stopping
    stopping = None if patience is None else EarlyStopping(patience, classifier)
    for epoch in range(1, recipe.epochs + 1):
        lr = float(optimizer.param_groups[0]["lr"])
        _train_epoch(classifier, loader, optimizer, epoch)
        val_loss = None
        if recipe.needs_validation and val_set is not None:
            val_loss = mean_loss(classifier, val_set)
            check_finite(val_loss, f"validation loss after epoch {epoch}", lr)
        schedule.step(val_loss)
        if stopping is not None and val_loss is not None and stopping.should_stop(val_loss):
            break
    if stopping is not None:
        stopping.restore()


class _Batches:
    """The batches of an epoch: augmented images (n, channels, H, W) and classes (n,)."""

    def __init__(
        self, train_set: LabeledImages, recipe: TrainingRecipe, generator: torch.Generator
    ) -> None:
        self._images = to_device(train_set.images)
        self._labels = torch.tensor(train_set.labels, device=self._images.device)
        self._augment = classifier_augment(recipe.augmentation)
        self.recipe = recipe
        self.generator = generator

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        n, size, least = len(self._labels), self.recipe.batch_size, self.recipe.least_steps
        for batch in batches.epoch(n, size, least, self.generator):
            rows = upload(batch, self._images.device)
            yield self._augment(self._images[rows], self.generator), self._labels[rows]


def _train_epoch(
    classifier: Classifier, loader: _Batches, optimizer: torch.optim.Optimizer, epoch: int
) -> None:
    """Make the steps of an epoch, counted from 1.

    Raises:
        FloatingPointError: the mean loss is not finite.
    """
    lr = float(optimizer.param_groups[0]["lr"])
    classifier.train()
    losses = [
        train_step(classifier, *batch, optimizer, loader.generator, loader.recipe.precision)
        for batch in loader
    ]
    check_finite(float(torch.stack(losses).mean()), f"mean loss of epoch {epoch}", lr)


def train_step(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    precision: Precision | None = None,
) -> torch.Tensor:
    """Train on one batch and return its mean cross-entropy.

    Args:
        classifier: in training mode.
        images: (n, channels, H, W) in -1..1.
        labels: (n,).
        optimizer: of the classifier's weights.
        generator: of dropout.
        precision: of the network; the cross-entropy is taken in float32.
    """
    with autocast(images.device, precision):
        logits = classifier(images, generator)
    loss = cross_entropy(logits.float(), labels)
    optimizer_step(loss, optimizer)
    return loss.detach()


def optimizer_step(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Make one step of the optimizer along the gradient of the loss, a scalar."""
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()


def mean_loss(classifier: Classifier, val_set: LabeledImages) -> float:
    """Return the mean cross-entropy of unaugmented images in evaluation mode."""
    logits = predict_images(classifier, val_set.images, classifier.logits)
    return float(cross_entropy(torch.from_numpy(logits), torch.tensor(val_set.labels)))


def check_finite(value: float, what: str, lr: float) -> None:
    """Stop a training that diverged.

    Raises:
        FloatingPointError: the value is infinite or no number.
    """
    if not math.isfinite(value):
        raise FloatingPointError(
            f"training diverged: the {what} is {value} at learning rate {lr:.3g}; lower lr"
        )
