"""FixMatch's training: consistency of weakly and strongly augmented images (Sohn et al. 2020)."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from rayal.vision import batches
from rayal.vision.classifier import Classifier, Images
from rayal.vision.classifier_augment import ClassifierAugmentation, crop, draw_crops
from rayal.vision.device import to_device, upload
from rayal.vision.precision import autocast
from rayal.vision.randaugment import strengthen
from rayal.vision.training import LabeledImages, check_finite, optimizer_step

_STEPS_PER_CHECK = 256  # steps between two looks at the loss; each look waits for a GPU


@dataclass(frozen=True)
class FixMatchRecipe:
    """Settings of `fit`, under the names that sweep files have for them."""

    steps: int
    batch_size: int  # labeled images in a step
    mu: int  # unlabeled images in a step for each labeled one
    threshold: float  # probability from which a guess counts
    unlabelled_weight: float  # of the loss on guesses
    lr: float
    momentum: float
    weight_decay: float
    ema: float  # fraction of the moving average that each step keeps
    augmentation: ClassifierAugmentation  # the weak one

    @property
    def flip(self) -> bool:
        """Whether images are mirrored."""
        return self.augmentation == "crop_flip"


def fit(
    classifier: Classifier,
    train_set: LabeledImages,
    pool: Images,
    recipe: FixMatchRecipe,
    seed: int,
) -> Classifier:
    """Train on labeled images and on the whole pool; return the moving average of the weights.

    Running statistics of batch norm are averaged as the weights are. The labeled images are part
    of the pool: without their labels they are trained on as the others are.

    Args:
        classifier: changed in place.
        train_set: at least one image.
        pool: (N, H, W, channels), all on the device while training lasts.
        recipe: as published, but for what it changes.
        seed: of batches and augmentation.

    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = _make_optimizer(classifier, recipe)
    schedule = LambdaLR(optimizer, lambda step: cosine(step, recipe.steps))
    average = _MovingAverage(classifier, recipe.ema)
    classifier.train()
    for step, (images, labels) in enumerate(_batches(train_set, pool, recipe, generator), start=1):
        with autocast(images.device):
            logits = classifier(images)
        loss = objective(logits.float(), labels, recipe.threshold, recipe.unlabelled_weight)
        optimizer_step(loss, optimizer)
        schedule.step()
        average.update()
        if step % _STEPS_PER_CHECK == 0 or step == recipe.steps:
            check_finite(float(loss.detach()), f"loss of step {step}", recipe.lr)
    return average.classifier


class _MovingAverage:
    """A copy of a classifier whose weights and statistics follow the classifier's.

    torch's AveragedModel counts its updates on the CPU and uploads the count in each.
    """

    def __init__(self, classifier: Classifier, keep: float) -> None:
        self.classifier = copy.deepcopy(classifier)
        self._average, self._latest = _numbers(self.classifier), _numbers(classifier)
        self._keep = keep
        self._updated = False

    @torch.no_grad()
    def update(self) -> None:
        """Take the first weights as they are, of later ones a fraction."""
        share = 1 - self._keep if self._updated else 1.0
        torch._foreach_lerp_(self._average, self._latest, share)
        self._updated = True


def _numbers(classifier: Classifier) -> list[torch.Tensor]:
    return [t for t in classifier.state_dict().values() if t.is_floating_point()]


def objective(
    logits: torch.Tensor, labels: torch.Tensor, threshold: float, unlabeled_weight: float
) -> torch.Tensor:
    """Return FixMatch's loss (Eq. 3, 4): cross-entropy of labels and of its own sure guesses.

    Args:
        logits: (n + 2 m, C) of n labeled images, then of m unlabeled ones weakly augmented, then
            of the same strongly augmented.
        labels: (n,).
        threshold: probability from which the guess of the weak image is the class of the strong.
        unlabeled_weight: of the second part, a mean over all m.
    """
    n, m = len(labels), (len(logits) - len(labels)) // 2
    labeled, weak, strong = torch.split(logits, [n, m, m])
    confidence, guess = weak.detach().softmax(1).max(1)
    of_guesses = cross_entropy(strong, guess, reduction="none") * (confidence >= threshold)
    return cross_entropy(labeled, labels) + unlabeled_weight * of_guesses.mean()


def cosine(step: int, steps: int) -> float:
    """Return what the learning rate is multiplied by: from 1 down to cos(7 pi / 16)."""
    return math.cos(7 * math.pi * step / (16 * steps))


def _make_optimizer(classifier: Classifier, recipe: FixMatchRecipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum; biases and batch norm have no weight decay, as published."""
    parameters = list(classifier.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1]},
    ]
    return torch.optim.SGD(
        groups, recipe.lr, recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    )


def _batches(
    train_set: LabeledImages, pool: Images, recipe: FixMatchRecipe, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield all steps' images (n + 2 m, channels, H, W), augmented, and labels (n,)."""
    labeled, unlabeled = to_device(train_set.images), to_device(pool)
    labels = torch.tensor(train_set.labels, device=labeled.device)
    n, m = recipe.batch_size, recipe.batch_size * recipe.mu
    steps = zip(
        batches.endless(len(labeled), n, generator),
        batches.endless(len(unlabeled), m, generator),
        strict=True,
    )
    flip = 0.5 if recipe.flip else 0.0
    for labeled_batch, unlabeled_batch in islice(steps, recipe.steps):
        rows = upload(labeled_batch, labeled.device)
        guessed = upload(unlabeled_batch, labeled.device)
        twice = unlabeled[guessed]
        images = torch.cat([labeled[rows], twice, twice])
        yield _augmented(images, m, generator, flip), labels[rows]


def _augmented(
    images: torch.Tensor, m: int, generator: torch.Generator, flip: float
) -> torch.Tensor:
    """Augment images (n + 2 m, channels, H, W) uint8 weakly, the last m strongly."""
    n, size = len(images) - m, (images.shape[2], images.shape[3])
    drawn = [draw_crops(count, size, generator, flip) for count in (n, m)]
    rows, columns = (torch.cat(each) for each in zip(*drawn, strict=True))
    weak, crops = torch.split(crop(images, rows, columns), [n, m])
    return torch.cat([weak, strengthen(crops, generator)])
