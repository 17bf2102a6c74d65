"""Raw pixels as features: the baseline that a trained encoder has to beat."""

from __future__ import annotations

import math

import numpy as np

from rayal.contracts import Dataset, Embedding, Features, Images, Progress, encoder
from rayal.encoders._features import augmented_views as copies
from rayal.encoders._features.extraction import BATCH, room
from rayal.seeds import integer


@encoder(gives=copies.gives)
def pixels(
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    views: copies.Count = 0,
    flip: bool = True,
) -> Embedding:
    """Flatten each image and scale it to 0..1: D = H * W * channels.

    Args:
        dataset: the pool and the test set.
        rng: source of all randomness, which is that of the views.
        progress: told nothing.
        views: weakly augmented copies of each image whose pixels are kept too.
        flip: mirror views left and right with probability .5.
    """
    train, test = dataset.train.images, dataset.test.images
    augmented = copies.of_pixels(train, views, flip, seed=integer(rng))
    return Embedding(_flatten(train), _flatten(test), views=augmented)


def _flatten(images: Images) -> Features:
    found = room(len(images), math.prod(images.shape[1:]))
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        found[start : start + BATCH] = part.reshape(len(part), -1)
        found[start : start + BATCH] /= np.float32(255)
    return found
