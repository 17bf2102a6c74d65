"""Semi-supervised learning by FixMatch (low-budget paper, section 4.5 and Table 10)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from rayal.contracts import Predictions, Task, learner
from rayal.learners import _parameters as shared
from rayal.learners._networks.task_images import task_images
from rayal.learners._networks.trained_classifier import TrainedClassifier, gives, make_classifier
from rayal.registry import from_arguments
from rayal.seeds import integer
from rayal.vision import backbone_names, networks, semi_supervised
from rayal.vision.semi_supervised import FixMatchRecipe


@learner(needs={"images"}, gives=gives, added={"views_augmentation"})
def fixmatch(  # noqa: D417, PLR0913  as many as published
    task: Task,
    rng: np.random.Generator,
    *,
    backbone: backbone_names.Backbone = "resnet18",
    stem: backbone_names.Stem = "cifar",
    steps: PositiveInt = 2**20,
    batch_size: PositiveInt = 64,
    mu: PositiveInt = 7,
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.95,
    unlabelled_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0,
    lr: PositiveFloat = 0.03,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    weight_decay: shared.WeightDecay = 5e-4,
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.999,
    augmentation: Literal["crop_flip", "crop"] = "crop_flip",
    views: shared.Views = 5,
    views_augmentation: shared.ViewsAugmentation = None,
    prototypes: shared.Prototypes = False,
    radius: shared.Radius = 1.0,
) -> Predictions:
    """Train a network on labeled images and on its own sure guesses for all of the pool.

    Sohn et al., "FixMatch", NeurIPS 2020. The guess for a weakly augmented image, where it is
    sure, is the class that the same image, strongly augmented, is trained towards. Defaults are
    theirs for CIFAR-10, apart from the network (a WideResNet-28-2 there). The strong augmentation
    is RandAugment and Cutout without equalizing, with blur in place of sharpness; see
    rayal.vision.randaugment. One million steps of 960 images need a GPU for a day or more: to look,
    set steps to a few thousand and ema to .99.

    Probabilities are of the moving average of the weights, on unaugmented images. Views are weakly
    augmented, as in training unless `views_augmentation` says otherwise.

    Args:
        task: at least one label, and the images of pool and test set.
        rng: draws the initial weights, the batches and their augmentation.
        backbone: kind of network.
        stem: first layers of a ResNet: imagenet's, or cifar's that keep the resolution.
        steps: of the optimizer.
        batch_size: labeled images in a step; fewer than that come several times.
        mu: unlabeled images in a step for each labeled one.
        threshold: probability from which a guess is sure.
        unlabelled_weight: of the loss on guesses.
        lr: learning rate of the first step; the last has a fifth of it (a cosine).
        momentum: Nesterov's.
        weight_decay: L2 penalty of all but biases and batch norm.
        ema: part of the moving average of the weights that each step keeps.
        augmentation: the weak one: crop_flip, or crop where mirrored images mean something else;
            the strong one then mirrors no more than that. Both move images by up to an eighth of a
            side, as published, but by 4 pixels at most, and over black, not over their reflection.

    The other parameters are described in `rayal.learners._parameters`.
    """
    recipe = from_arguments(FixMatchRecipe, locals())
    images = task_images("fixmatch", task)
    network = networks.backbone(backbone, stem, images.channels, seed=integer(rng))
    classifier = make_classifier(
        network, task.num_classes, rng, radius=radius if prototypes else None
    )
    train_set = images.labeled(task.labels)
    average = semi_supervised.fit(classifier, train_set, images.pool, recipe, integer(rng))
    weak = views_augmentation or augmentation
    return TrainedClassifier(average, images, weak, views, integer(rng)).predictions()
