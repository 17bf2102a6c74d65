"""Raw pixels as features: the baseline that a trained encoder has to beat."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rayal.contracts import Dataset, DataShape, Embedding, Features, Images, Progress, encoder
from rayal.encoders._features import augmented_views
from rayal.encoders._features.extraction import BATCH, allocate_features
from rayal.seeds import integer
from rayal.vision import notes


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    D = math.prod(shape.image)
    return [notes.feature_size(shape.N, shape.M, D, params["views"])] if shape.image else []


@encoder(gives=augmented_views.gives, draws=augmented_views.draws, bare_pixels=True, notes=_notes)
def pixels(
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    views: augmented_views.ViewCount = 0,
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
    copies = augmented_views.view_pixels(train, views, flip, seed=integer(rng))
    return Embedding(_flatten(train), _flatten(test), views=copies)


def _flatten(images: Images) -> Features:
    """Return the pixels (N, H * W * channels) of images (N, H, W, channels), in 0..1."""
    pixels = allocate_features(len(images), math.prod(images.shape[1:]))
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        pixels[start : start + BATCH] = batch.reshape(len(batch), -1)
        pixels[start : start + BATCH] /= np.float32(255)
    return pixels
