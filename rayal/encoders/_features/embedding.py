"""What a network makes of a dataset: the features of its images, and of augmented copies."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Dataset, Embedding, Progress
from rayal.encoders._features import augmented_views
from rayal.encoders._features.extraction import FeatureExtractor
from rayal.seeds import integer


def embed(
    extractor: FeatureExtractor,
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress = lambda report: None,
    *,
    views: int,
    flip: bool,
) -> Embedding:
    """Return the features of pool (N, D) and test set (M, D), and of copies of the pool (A, N, D).

    Args:
        extractor: the backbone and what it takes.
        dataset: the pool and the test set.
        rng: a number is drawn from it, the seed of the copies.
        progress: told how much is done.
        views: A.
        flip: mirror copies left and right with probability .5.
    """
    train, test = extractor.extract_both_splits(dataset, progress)
    seed = integer(rng)
    images = dataset.train.images
    copies = augmented_views.view_features(extractor, images, views, flip, seed=seed)
    return Embedding(train, test, views=copies)
