"""Training of a classifier on labelled images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from rayal.vision import batches
from rayal.vision import classifier_augment as weak
from rayal.vision.classifier import Classifier, Images, of_images
from rayal.vision.device import to_device
from rayal.vision.precision import Precision, autocast
from rayal.vision.recipes import Best, Rates, Recipe, optimiser


@dataclass(frozen=True)
class Labelled:
    """Images (n, H, W, channels) and their classes (n,)."""

    images: Images
    labels: npt.NDArray[np.int64]


def fit(
    classifier: Classifier,
    given: Labelled,
    recipe: Recipe,
    seed: int,
    held_out: Labelled | None = None,
) -> None:
    """Train by mean cross-entropy, in place.

    On a CPU the same seed and number of threads give the same weights. torch's global generators
    are neither read nor changed.

    Args:
        classifier: changed in place.
        given: at least one image, all on the device while training lasts.
        recipe: settings.
        seed: of the order of the images, their augmentation and dropout.
        held_out: validation set, where the recipe watches one.

    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    generator = torch.Generator().manual_seed(seed)
    examples = _Examples(given, recipe, generator)
    moving = optimiser(recipe, classifier)
    rates = Rates(recipe, moving)
    best = Best(recipe.early_stopping, classifier) if recipe.early_stopping is not None else None
    for epoch in range(recipe.epochs):
        lr = float(moving.param_groups[0]["lr"])
        classifier.train()
        losses = [step(classifier, *seen, moving, generator, recipe.precision) for seen in examples]
        check_finite(float(torch.stack(losses).mean()), f"mean loss of epoch {epoch + 1}", lr)
        watched = None
        if recipe.watches and held_out is not None:
            watched = mean_loss(classifier, held_out)
            check_finite(watched, f"validation loss after epoch {epoch + 1}", lr)
        rates.after_epoch(watched)
        if best is not None and watched is not None and best.given_up(watched):
            break
    if best is not None:
        best.restore()


class _Examples:
    """The batches of an epoch: augmented images (n, channels, H, W) and classes (n,)."""

    def __init__(self, given: Labelled, recipe: Recipe, generator: torch.Generator) -> None:
        self._images = to_device(given.images)
        self._labels = torch.tensor(given.labels, device=self._images.device)
        self._augment = weak.augmentation(recipe.augmentation)
        self._recipe = recipe
        self._generator = generator

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        recipe, where = self._recipe, self._images.device
        n, least = len(self._labels), recipe.least_steps
        for batch in batches.epoch(n, recipe.batch_size, least, self._generator):
            here = batch.to(where)
            yield self._augment(self._images[here], self._generator), self._labels[here]


def step(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    moving: torch.optim.Optimizer,
    generator: torch.Generator,
    precision: Precision | None = None,
) -> torch.Tensor:
    """Train on one batch and return its mean cross-entropy.

    Args:
        classifier: in training mode.
        images: (n, channels, H, W) in -1..1.
        labels: (n,).
        moving: the optimiser.
        generator: of dropout.
        precision: of the network; the cross-entropy is taken in float32.
    """
    with autocast(images.device, precision):
        logits = classifier(images, generator)
    loss = cross_entropy(logits.float(), labels)
    descend(loss, moving)
    return loss.detach()


def descend(loss: torch.Tensor, moving: torch.optim.Optimizer) -> None:
    """Make one step of the optimiser along the gradient of the loss."""
    moving.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    moving.step()


def mean_loss(classifier: Classifier, held_out: Labelled) -> float:
    """Return the mean cross-entropy of unaugmented images in evaluation mode."""
    logits = of_images(classifier, held_out.images, classifier.logits)
    return float(cross_entropy(torch.from_numpy(logits), torch.tensor(held_out.labels)))


def check_finite(value: float, what: str, lr: float) -> None:
    """Stop a training that diverged.

    Raises:
        FloatingPointError: the value is infinite or no number.
    """
    if not math.isfinite(value):
        raise FloatingPointError(
            f"training diverged: the {what} is {value} at learning rate {lr:.3g}; lower lr"
        )
