"""FixMatch's training: consistency of weakly and strongly augmented images (Sohn et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import torch
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rayal.vision import batches
from rayal.vision.classifier import Classifier, Images
from rayal.vision.classifier_augment import crop
from rayal.vision.device import to_device
from rayal.vision.precision import autocast
from rayal.vision.randaugment import strong
from rayal.vision.training import Labelled, check_finite, descend

_CHECKED = 256  # steps between two looks at the loss; each look waits for a GPU


@dataclass(frozen=True)
class FixMatch:
    """Settings of `fit`; see the learner of this name."""

    steps: int
    batch_size: int
    mu: int
    threshold: float
    unlabelled_weight: float
    lr: float
    momentum: float
    weight_decay: float
    ema: float
    flip: bool


def fit(
    classifier: Classifier, given: Labelled, pool: Images, settings: FixMatch, seed: int
) -> Classifier:
    """Train on labelled images and on the whole pool; return the moving average of the weights.

    Running statistics of batch norm are averaged as the weights are. The labelled images are part
    of the pool: without their labels they are trained on as the others are.

    Args:
        classifier: changed in place.
        given: at least one image.
        pool: (N, H, W, channels), all on the device while training lasts.
        settings: as published, but for what they change.
        seed: of batches and augmentation.

    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    generator = torch.Generator().manual_seed(seed)
    moving = _optimiser(classifier, settings)
    rates = LambdaLR(moving, lambda step: cosine(step, settings.steps))
    keep = get_ema_multi_avg_fn(settings.ema)  # type: ignore[no-untyped-call]
    average = AveragedModel(classifier, multi_avg_fn=keep, use_buffers=True)
    classifier.train()
    for number, (images, labels) in enumerate(_examples(given, pool, settings, generator), start=1):
        with autocast(images.device):
            logits = classifier(images)
        loss = objective(logits.float(), labels, settings.threshold, settings.unlabelled_weight)
        descend(loss, moving)
        rates.step()
        average.update_parameters(classifier)
        if number % _CHECKED == 0 or number == settings.steps:
            check_finite(float(loss.detach()), f"loss of step {number}", settings.lr)
    return cast(Classifier, average.module)


def objective(
    logits: torch.Tensor, labels: torch.Tensor, threshold: float, unlabelled_weight: float
) -> torch.Tensor:
    """Return FixMatch's loss (Eq. 3, 4): cross-entropy of labels and of its own sure guesses.

    Args:
        logits: (n + 2 m, C) of n labelled images, then of m unlabelled ones weakly augmented, then
            of the same strongly augmented.
        labels: (n,).
        threshold: probability from which the guess of the weak image is the class of the strong.
        unlabelled_weight: of the second part, a mean over all m.
    """
    given, rest = logits[: len(labels)], logits[len(labels) :]
    weak, strongly = rest.chunk(2)
    confidence, guess = weak.detach().softmax(1).max(1)
    of_guesses = cross_entropy(strongly, guess, reduction="none") * (confidence >= threshold)
    return cross_entropy(given, labels) + unlabelled_weight * of_guesses.mean()


def cosine(step: int, steps: int) -> float:
    """Return what the learning rate is multiplied by: from 1 down to cos(7 pi / 16)."""
    return math.cos(7 * math.pi * step / (16 * steps))


def _optimiser(classifier: Classifier, settings: FixMatch) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum; biases and batch norm have no weight decay, as published."""
    parameters = list(classifier.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1]},
    ]
    return torch.optim.SGD(
        groups, settings.lr, settings.momentum, nesterov=settings.momentum > 0, fused=True
    )


def _examples(
    given: Labelled, pool: Images, settings: FixMatch, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield all steps' images (n + 2 m, channels, H, W), augmented, and labels (n,)."""
    known, unknown = to_device(given.images), to_device(pool)
    labels = torch.tensor(given.labels, device=known.device)
    n, m = settings.batch_size, settings.batch_size * settings.mu
    ours = batches.endless(len(known), n, generator)
    others = batches.endless(len(unknown), m, generator)
    flip = 0.5 if settings.flip else 0.0
    for mine, theirs in islice(zip(ours, others, strict=True), settings.steps):
        here, there = mine.to(known.device), unknown[theirs.to(known.device)]
        plain = crop(torch.cat([known[here], there]), generator, flip)
        yield torch.cat([plain, strong(there, generator, settings.flip)]), labels[here]
