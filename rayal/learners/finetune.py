"""The encoder's network trained further on the labelled images (low-budget paper, Table 13)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from torch import nn

from rayal.contracts import Features, Predictions, Task, learner
from rayal.learners._heads.scaling import mean_and_deviation
from rayal.learners._networks import task_images as network
from rayal.seeds import integer
from rayal.vision import classifier_augment as weak
from rayal.vision import networks
from rayal.vision.classifier import Float32
from rayal.vision.precision import Precision
from rayal.vision.recipes import Recipe
from rayal.vision.training import fit


@learner(needs=lambda params: network.needs(params) | {"weights"}, gives=network.gives)
def finetune(  # noqa: PLR0913  as many as the recipes differ in
    task: Task,
    rng: np.random.Generator,
    *,
    epochs: PositiveInt = 100,
    batch_size: Annotated[int, Field(ge=2)] = 128,
    least_steps: PositiveInt = 1,
    lr: PositiveFloat = 1e-4,
    head_lr: PositiveFloat = 1e-2,
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0,
    milestones: tuple[Annotated[int, Field(ge=0)], ...] = (50, 75),
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1,
    plateau_patience: Annotated[int, Field(ge=0)] | None = None,
    early_stopping: PositiveInt | None = None,
    augmentation: weak.Name = "crop_flip",
    views: PositiveInt = 5,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    prototypes: bool = False,
    radius: PositiveFloat = 1.0,
    precision: Precision | None = None,
) -> Predictions:
    """Train the encoder's network and a new last layer by Adam, from the encoder's weights on.

    The last layer sees standardised features: a batch norm without weights, whose running
    statistics start as those of the encoder's features of the pool. The defaults are those of the
    low-budget paper; HaCon's cycles (Fig. 6) fine-tune a ResNet-18 of MoCo v2 and state no more.

    Probabilities, hidden features and validation losses are of unaugmented images, with the
    running statistics of batch norm. Views are augmented as in training.

    Args:
        task: at least one label, the images of pool and test set, and an encoder's weights.
        rng: draws the last layer's weights, the order of the images, augmentation and dropout.
        epochs: at most.
        batch_size: images in a step.
        least_steps: an epoch with fewer steps is made of several passes over the images.
        lr: learning rate of the encoder's network.
        head_lr: learning rate of the last layer.
        weight_decay: L2 penalty.
        milestones: epochs, counted from 0, at whose start both rates are multiplied by gamma.
        gamma: factor of milestones and plateaus.
        plateau_patience: epochs without a lower validation loss after whose next the learning
            rates are multiplied by gamma; null waits for no plateau.
        early_stopping: epochs without a lower validation loss after which training ends; the
            weights of the lowest are kept. null trains for all epochs and keeps the last weights.
        augmentation: crop_flip, crop, rotate, hacon or none, see rayal.vision.classifier_augment.
        views: augmented copies of each image that `consistency` and the like compare.
        dropout: part of what the last layer sees that is dropped in training and in Monte-Carlo
            passes (MC dropout, Gal and Ghahramani 2016); 0 leaves both out.
        prototypes: a last layer of C - 1 outputs whose class probabilities are those of fixed,
            maximally separated prototypes (MSAL, section 3.1).
        radius: length of the prototypes, the factor before the logits.
        precision: that the network trains in, bf16 or float32; null takes bf16 on a GPU, float32
            on a CPU. What it says of images afterwards is computed in float32.
    """
    images = network.pictures("finetune", task)
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        head_lr=head_lr,
        optimiser="adam",
        weight_decay=weight_decay,
        milestones=milestones,
        gamma=gamma,
        plateau_patience=plateau_patience,
        early_stopping=early_stopping,
        least_steps=least_steps,
        augmentation=augmentation,
        precision=precision,
    )
    val = network.held_out("finetune", task, recipe.watches)
    classifier = network.classifier(
        _encoder(task),
        task.num_classes,
        rng,
        dropout=dropout,
        radius=radius if prototypes else None,
        spread=_spread(task.train),
    )
    fit(classifier, network.labelled(images.pool, task.labels), recipe, integer(rng), val)
    return network.Trained(classifier, images, augmentation, views, integer(rng)).predictions()


def _encoder(task: Task) -> nn.Module:
    """Rebuild the encoder's network."""
    if task.weights is None:
        raise ValueError(
            "finetune trains the encoder's network further, and this encoder has none; use an "
            "encoder with a network (moco, random), or the learner scratch"
        )
    backbone = networks.rebuild(task.weights)
    D = networks.width(backbone)
    if task.train.shape[1] != D:
        raise ValueError(
            f"finetune: the encoder's network gives {D} features and the task has "
            f"{task.train.shape[1]}; give the features of that network"
        )
    return backbone


def _spread(features: Features) -> tuple[Float32, Float32]:
    """Return mean and variance over the pool, (D,) each."""
    mean, deviation = mean_and_deviation(features)
    return mean.astype(np.float32), np.square(deviation).astype(np.float32)
