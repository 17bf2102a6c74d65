"""Raw pixels as features: the baseline that a trained encoder has to beat."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Dataset, Embedding, Features, Images, Progress, encoder


@encoder()
def pixels(dataset: Dataset, rng: np.random.Generator, progress: Progress) -> Embedding:
    """Flatten each image and scale it to 0..1: D = H * W * channels."""
    return Embedding(_flatten(dataset.train.images), _flatten(dataset.test.images))


def _flatten(images: Images) -> Features:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
