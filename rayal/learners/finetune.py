"""The encoder's network trained further on the labeled images (low-budget paper, Table 13)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat
from torch import nn

from rayal.contracts import Features, Predictions, Task, learner
from rayal.learners import _parameters as shared
from rayal.learners._heads.scaling import mean_and_deviation
from rayal.learners._networks.task_images import task_images, validation_set
from rayal.learners._networks.trained_classifier import (
    TrainedClassifier,
    gives,
    make_classifier,
    needs,
)
from rayal.registry import from_arguments
from rayal.seeds import integer
from rayal.vision import networks
from rayal.vision.classifier import Float32
from rayal.vision.training import fit
from rayal.vision.training_recipe import TrainingRecipe


@learner(
    needs=lambda params: needs(params) | {"weights"}, gives=gives, added={"views_augmentation"}
)
def finetune(  # noqa: D417, PLR0913  as many as the recipes differ in
    task: Task,
    rng: np.random.Generator,
    *,
    epochs: shared.Epochs = 100,
    batch_size: shared.BatchSize = 128,
    least_steps: shared.LeastSteps = 1,
    lr: PositiveFloat = 1e-4,
    head_lr: PositiveFloat = 1e-2,
    weight_decay: shared.WeightDecay = 0.0,
    milestones: shared.Milestones = (50, 75),
    gamma: shared.Gamma = 0.1,
    plateau_patience: shared.PlateauPatience = None,
    early_stopping: shared.EarlyStoppingPatience = None,
    augmentation: shared.Augmentation = "crop_flip",
    views: shared.Views = 5,
    views_augmentation: shared.ViewsAugmentation = None,
    dropout: shared.Dropout = 0.0,
    prototypes: shared.Prototypes = False,
    radius: shared.Radius = 1.0,
    precision: shared.Precision = None,
) -> Predictions:
    """Train the encoder's network and a new last layer by Adam, from the encoder's weights on.

    The last layer sees standardized features: a batch norm without weights, whose running
    statistics start as those of the encoder's features of the pool. The defaults are those of the
    low-budget paper; HaCon's cycles (Fig. 6) fine-tune a ResNet-18 of MoCo v2 and state no more.

    Probabilities, hidden features and validation losses are of unaugmented images, with the
    running statistics of batch norm. Views are augmented as in training
    unless `views_augmentation` says otherwise.

    Args:
        task: at least one label, the images of pool and test set, and an encoder's weights.
        rng: draws the last layer's weights, the order of the images, augmentation and dropout.
        lr: learning rate of the encoder's network.
        head_lr: learning rate of the last layer.

    The other parameters are described in `rayal.learners._parameters`.
    """
    recipe = from_arguments(TrainingRecipe, locals(), optimiser="adam")
    images = task_images("finetune", task)
    val_set = validation_set("finetune", task, recipe.needs_validation)
    classifier = make_classifier(
        _encoder_network(task),
        task.num_classes,
        rng,
        dropout=dropout,
        radius=radius if prototypes else None,
        feature_stats=_feature_stats(task.train),
    )
    fit(classifier, images.labeled(task.labels), recipe, integer(rng), val_set)
    weak = views_augmentation or augmentation
    return TrainedClassifier(classifier, images, weak, views, integer(rng)).predictions()


def _encoder_network(task: Task) -> nn.Module:
    """Rebuild the encoder's network.

    Raises:
        ValueError: the encoder has none, or its features are not the task's.
    """
    if task.weights is None:
        raise ValueError(
            "finetune trains the encoder's network further, and this encoder has none; use an "
            "encoder with a network (moco, random), or the learner scratch"
        )
    backbone = networks.rebuild(task.weights)
    D = networks.num_features(backbone)
    if task.train.shape[1] != D:
        raise ValueError(
            f"finetune: the encoder's network gives {D} features and the task has "
            f"{task.train.shape[1]}; give the features of that network"
        )
    return backbone


def _feature_stats(features: Features) -> tuple[Float32, Float32]:
    """Return mean and variance (D,) of features (N, D) over the pool."""
    mean, deviation = mean_and_deviation(features)
    return mean.astype(np.float32), np.square(deviation).astype(np.float32)
