"""A network trained on the labelled images alone (CBAL, MSAL and HaCon's benchmark)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from rayal.contracts import Predictions, Task, learner
from rayal.learners._heads.pseudo_labels import with_earlier
from rayal.learners._networks import task_images as network
from rayal.seeds import integer
from rayal.vision import classifier_augment as weak
from rayal.vision import networks, weight_files
from rayal.vision.precision import Precision
from rayal.vision.recipes import Optimiser, Recipe
from rayal.vision.training import fit


def _gives(params: Mapping[str, Any]) -> set[str]:
    if params["optimiser"] == "sgd" and params["nesterov"] and params["momentum"] == 0:
        raise ValueError(
            "scratch: nesterov=true needs a momentum above 0, and momentum=0; "
            "raise the one or set the other to false"
        )
    return network.gives(params)


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse weights that are not there when a sweep is planned."""
    if params["weights"] is not None and not Path(params["weights"]).expanduser().is_file():
        raise FileNotFoundError(
            f"weights={params['weights']}: there is no such file; give the path of one, or none"
        )


@learner(
    needs=network.needs,
    gives=_gives,
    check=_check,
    recalls=lambda params: params["pseudo_labels"] is not None,
)
def scratch(  # noqa: PLR0913  the papers' recipes have this many settings
    task: Task,
    rng: np.random.Generator,
    *,
    backbone: networks.Backbone = "resnet18",
    stem: networks.Stem = "cifar",
    weights: str | None = None,
    optimiser: Optimiser = "sgd",
    lr: PositiveFloat = 0.02,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    nesterov: bool = True,
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5e-4,
    epochs: PositiveInt = 100,
    batch_size: Annotated[int, Field(ge=2)] = 128,
    least_steps: PositiveInt = 1,
    milestones: tuple[Annotated[int, Field(ge=0)], ...] = (60, 80),
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.5,
    plateau_patience: Annotated[int, Field(ge=0)] | None = None,
    early_stopping: PositiveInt | None = None,
    augmentation: weak.Name = "crop_flip",
    views: PositiveInt = 5,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    prototypes: bool = False,
    radius: PositiveFloat = 1.0,
    pseudo_labels: Literal["ceal"] | None = None,
    pseudo_threshold: PositiveFloat = 5e-5,
    pseudo_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3.3e-7,
    precision: Precision | None = None,
) -> Predictions:
    """Train a network by cross-entropy on the labelled images, anew in each round.

    The defaults are CBAL's for CIFAR; its text has no batch size and its code 256. Others:

    * CBAL, Tiny ImageNet: backbone resnet101, stem imagenet, weights (a file), lr .01, epochs 30,
      milestones 10, 15, 20, 25.
    * MSAL: optimiser adam, lr .001, weight_decay 0, milestones [], epochs 20 (MNIST, SVHN; also
      augmentation none), 30 (CIFAR) or 40 (Tiny ImageNet; also augmentation rotate).
    * HaCon, Table 5: backbone inception_resnet_v2, lr .1, momentum 0, nesterov false,
      weight_decay 0, epochs 10000, milestones [], plateau_patience 8, early_stopping 50,
      augmentation hacon; its code has least_steps 50 besides.
    * low-budget paper, Table 13: lr .1, milestones 30, 60, 90, gamma .1.

    Initial weights depend on `rng` alone, so that strategies compared at the same seed start
    alike. Probabilities, hidden features and validation losses are of unaugmented images, with
    the running statistics of batch norm. Views are augmented as in training.

    Args:
        task: at least one label, and the images of pool and test set.
        rng: draws the initial weights, the order of the images, augmentation and dropout.
        backbone: kind of network.
        stem: first layers of a ResNet: imagenet's, or cifar's that keep the resolution.
        weights: file with initial weights of the backbone, in the forms of
            rayal.vision.weight_files; trial ids name the path, not what the file holds. Random
            ones where left out.
        optimiser: sgd or adam.
        lr: learning rate.
        momentum: of SGD.
        nesterov: of SGD.
        weight_decay: L2 penalty.
        epochs: at most.
        batch_size: images in a step.
        least_steps: an epoch with fewer steps is made of several passes over the images.
        milestones: epochs, counted from 0, at whose start the learning rate is multiplied by gamma.
        gamma: factor of milestones and plateaus.
        plateau_patience: epochs without a lower validation loss after whose next the learning rate
            is multiplied by gamma; null waits for no plateau.
        early_stopping: epochs without a lower validation loss after which training ends; the
            weights of the lowest are kept. null trains for all epochs and keeps the last weights.
        augmentation: crop_flip, crop, rotate, hacon or none, see rayal.vision.classifier_augment.
        views: augmented copies of each image that `consistency` and the like compare.
        dropout: part of what the last layer sees that is dropped in training and in Monte-Carlo
            passes (MC dropout, Gal and Ghahramani 2016); 0 leaves both out.
        prototypes: a last layer of C - 1 outputs whose class probabilities are those of fixed,
            maximally separated prototypes (MSAL, section 3.1).
        radius: length of the prototypes, the factor before the logits (.1 on MNIST there).
        pseudo_labels: ceal has the images that the round before was sure of join the training with
            their predicted class (Wang et al. 2017).
        pseudo_threshold: entropy, in nats, below which a prediction is sure.
        pseudo_decay: what the threshold falls by each round, to 0 at the least.
        precision: that the network trains in, bf16 or float32; null takes bf16 on a GPU, float32
            on a CPU. What it says of images afterwards is computed in float32.
    """
    images = network.pictures("scratch", task)
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        optimiser=optimiser,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=weight_decay,
        milestones=milestones,
        gamma=gamma,
        plateau_patience=plateau_patience,
        early_stopping=early_stopping,
        least_steps=least_steps,
        augmentation=augmentation,
        precision=precision,
    )
    val = network.held_out("scratch", task, recipe.watches)
    base = networks.backbone(backbone, stem, images.channels, seed=integer(rng))
    if weights is not None:
        weight_files.initialise(base, Path(weights).expanduser())
    classifier = network.classifier(
        base, task.num_classes, rng, dropout=dropout, radius=radius if prototypes else None
    )
    labels = task.labels
    if pseudo_labels:
        labels = with_earlier(task, pseudo_threshold, pseudo_decay)
    fit(classifier, network.labelled(images.pool, labels), recipe, integer(rng), val)
    return network.Trained(classifier, images, augmentation, views, integer(rng)).predictions()
