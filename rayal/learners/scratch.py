"""A network trained on the labeled images alone (CBAL, MSAL and HaCon's benchmark)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, PositiveFloat

from rayal.contracts import DataShape, Predictions, Task, learner
from rayal.learners import _parameters as shared
from rayal.learners._heads.pseudo_labels import check_rule, joined, with_earlier
from rayal.learners._networks.task_images import task_images, validation_set
from rayal.learners._networks.trained_classifier import (
    TrainedClassifier,
    gives,
    make_classifier,
    needs,
)
from rayal.registry import from_arguments
from rayal.seeds import integer
from rayal.storage.file_hash import file_hash
from rayal.vision import backbone_names, networks, notes
from rayal.vision.training import fit
from rayal.vision.training_recipe import OptimizerName, TrainingRecipe
from rayal.vision.weight_files import WeightFile, sum_over_colors, weights_line


def _gives(params: Mapping[str, Any]) -> set[str]:
    if params["optimiser"] == "sgd" and params["nesterov"] and params["momentum"] == 0:
        raise ValueError(
            "scratch: nesterov=true needs a momentum above 0, and momentum=0; "
            "raise the one or set the other to false"
        )
    check_rule("scratch", params)
    return gives(params)


def _file(params: Mapping[str, Any]) -> Path | None:
    return None if params["weights"] is None else Path(params["weights"]).expanduser()


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse weights that are not there when a sweep is planned."""
    path = _file(params)
    if path is not None and not path.is_file():
        raise FileNotFoundError(
            f"weights={params['weights']}: there is no such file; give the path of one, or none"
        )


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    path, size = _file(params), backbone_names.input_size(params["backbone"], shape.image)
    if path is None or not shape.image:
        return notes.resizing(shape.image, size)
    with torch.device("meta"):  # shapes without numbers
        network = networks.backbone(params["backbone"], params["stem"], shape.image[2], seed=0)
    summary = WeightFile(path).select(network, sum_over_colors(network)).summary()
    return [weights_line(path, file_hash(path), summary), *notes.resizing(shape.image, size)]


@learner(
    needs=needs,
    gives=_gives,
    check=_check,
    notes=_notes,
    added={"views_augmentation"},
    uses_previous_predictions=lambda params: params["pseudo_labels"] is not None,
)
def scratch(  # noqa: D417, PLR0913  the papers' recipes have this many settings
    task: Task,
    rng: np.random.Generator,
    *,
    backbone: backbone_names.Backbone = "resnet18",
    stem: backbone_names.Stem = "cifar",
    weights: str | None = None,
    optimiser: OptimizerName = "sgd",
    lr: PositiveFloat = 0.02,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    nesterov: bool = True,
    weight_decay: shared.WeightDecay = 5e-4,
    epochs: shared.Epochs = 100,
    batch_size: shared.BatchSize = 128,
    least_steps: shared.LeastSteps = 1,
    milestones: shared.Milestones = (60, 80),
    gamma: shared.Gamma = 0.5,
    plateau_patience: shared.PlateauPatience = None,
    early_stopping: shared.EarlyStoppingPatience = None,
    augmentation: shared.Augmentation = "crop_flip",
    views: shared.Views = 5,
    views_augmentation: shared.ViewsAugmentation = None,
    dropout: shared.Dropout = 0.0,
    prototypes: shared.Prototypes = False,
    radius: shared.Radius = 1.0,
    pseudo_labels: shared.PseudoLabels = None,
    pseudo_threshold: shared.PseudoThreshold = 5e-5,
    pseudo_decay: shared.PseudoDecay = 3.3e-7,
    precision: shared.Precision = None,
) -> Predictions:
    """Train a network by cross-entropy on the labeled images, anew in each round.

    The defaults are CBAL's for CIFAR; its text has no batch size and its code 256. Others:

    * CBAL, Tiny ImageNet: backbone resnet101, stem imagenet, weights (a file), lr .01, epochs 30,
      milestones 10, 15, 20, 25.
    * MSAL: `optimiser` adam, lr .001, weight_decay 0, milestones [], epochs 20 (MNIST, SVHN; also
      augmentation none), 30 (CIFAR) or 40 (Tiny ImageNet; also augmentation rotate).
    * HaCon, Table 5: backbone inception_resnet_v2, lr .1, momentum 0, nesterov false,
      weight_decay 0, epochs 10000, milestones [], plateau_patience 8, early_stopping 50,
      augmentation hacon; its code has least_steps 50 besides.
    * low-budget paper, Table 13: lr .1, milestones 30, 60, 90, gamma .1.

    Initial weights depend on `rng` alone, so that strategies compared at the same seed start
    alike. Probabilities, hidden features and validation losses are of unaugmented images, with
    the running statistics of batch norm. Views are augmented as in training
    unless `views_augmentation` says otherwise.

    Args:
        task: at least one label, and the images of pool and test set.
        rng: draws the initial weights, the order of the images, augmentation and dropout.
        backbone: kind of network.
        stem: first layers of a ResNet: imagenet's, or cifar's that keep the resolution.
        weights: file with initial weights of the backbone, in the forms of
            rayal.vision.weight_files. Random ones where left out.
        optimiser: sgd or adam.
        lr: learning rate.
        momentum: of SGD.
        nesterov: of SGD.

    The other parameters are described in `rayal.learners._parameters`.
    """
    recipe = from_arguments(TrainingRecipe, locals())
    images = task_images("scratch", task)
    val_set = validation_set("scratch", task, recipe.needs_validation)
    network = networks.backbone(backbone, stem, images.channels, seed=integer(rng))
    if weights is not None:
        WeightFile(Path(weights).expanduser()).load(network, sum_over_colors(network))
    classifier = make_classifier(
        network, task.num_classes, rng, dropout=dropout, radius=radius if prototypes else None
    )
    labels = task.labels
    if pseudo_labels:
        labels = with_earlier(task, pseudo_threshold, pseudo_decay, pseudo_labels)
    fit(classifier, images.labeled(labels), recipe, integer(rng), val_set)
    weak = views_augmentation or augmentation
    predictions = TrainedClassifier(classifier, images, weak, views, integer(rng)).predictions()
    return replace(predictions, pseudo_labels=joined(task, labels, pseudo_labels))
